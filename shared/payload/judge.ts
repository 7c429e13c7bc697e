import type { Answer, Judgement } from './format.ts'

/**
 * How chat services and PagerDuty say whether they took a message: not by a 2xx alone. Anything that is neither success
 * nor known to be final is worth another try, 429 and 5xx first of all.
 */
export const succeeded: Judgement = { outcome: 'succeeded' }

export const failed = (answer: Answer, permanent: boolean): Judgement => ({
  outcome: 'rejected',
  ...(permanent && { permanent }),
  reason: reasonOf(answer),
})

function reasonOf({ statusCode, body }: Answer): string {
  const said = body.replace(/\s+/g, ' ').trim()
  return `answered ${statusCode}${said ? `: ${said.slice(0, 200)}` : ''}`
}

/** An answer's JSON object; undefined for anything else, and for one that was cut off. */
export function answerObject(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
