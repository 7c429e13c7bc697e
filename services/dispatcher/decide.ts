import type { DeliveryState, SendResult } from '../../shared/contracts/delivery.ts'
import type { Backoff } from '../../shared/queue.ts'

export type Decision = {
  state: DeliveryState
  /** Set when the state is `retrying`. */
  delayMs?: number
  disableWebhook: boolean
  /** Which rule decided, for the log. */
  decision: string
}

export type DecideInput = {
  result: SendResult
  /** Attempts of this job so far, this one included. */
  step: number
  /** Attempts in all that the retry policy allows. */
  attempts: number
  backoff: Backoff
  now: number
  /** In [0, 1); draws the jitter. */
  random: number
}

/**
 * What an attempt says of its webhook, for the breaker: `good` and `bad` of the receiver as a whole, `none` where it judged
 * this one payload. `closedMs` where it asked for quiet.
 */
export type Verdict = { kind: 'good' | 'bad' | 'none'; closedMs?: number }

/** Answers to what was in the request: the receiver is well, and the next payload may please it. */
const aboutThePayload = new Set([400, 409, 410, 411, 413, 415, 422])

export function judge({ result, backoff, now }: Pick<DecideInput, 'result' | 'backoff' | 'now'>): Verdict {
  if (result.outcome === 'succeeded') return { kind: 'good' }
  if (result.permanent || aboutThePayload.has(result.statusCode ?? 0)) return { kind: 'none' }
  const asksForQuiet = backoff.honourRetryAfter && (result.statusCode === 429 || result.statusCode === 503)
  const asked = asksForQuiet ? parseRetryAfter(result.retryAfter, now) : undefined
  return asked === undefined ? { kind: 'bad' } : { kind: 'bad', closedMs: Math.min(asked, longestDelayMs) }
}

const longestDelayMs = 24 * 3_600_000

/** What follows from one attempt. Pure: the same input always gives the same decision. */
export function decide(input: DecideInput): Decision {
  const { result, step, attempts } = input
  const answer = result.statusCode === undefined ? result.outcome.replace('_', ' ') : `answered ${result.statusCode}`
  if (result.outcome === 'succeeded') return { state: 'succeeded', disableWebhook: false, decision: answer }
  // "The endpoint is gone for good" (Standard Webhooks; CloudEvents web hook spec): asking again would be rude.
  if (result.statusCode === 410) return { state: 'cancelled', disableWebhook: true, decision: 'the receiver answered 410 Gone' }
  if (result.permanent) return { state: 'failed', disableWebhook: false, decision: `${answer}: ${result.error ?? 'refused for good'}` }
  if (step >= attempts)
    return { state: 'failed', disableWebhook: false, decision: `${answer}; attempt ${step} of ${attempts} was the last` }

  const planned = retryDelay(input.backoff, step, input.random)
  const asked = input.backoff.honourRetryAfter ? parseRetryAfter(result.retryAfter, input.now) : undefined
  const delayMs = asked === undefined ? planned : Math.max(planned, Math.min(asked, longestDelayMs))
  const rule = delayMs === planned ? input.backoff.type : 'Retry-After'
  return { state: 'retrying', delayMs, disableWebhook: false, decision: `${answer}; next attempt by ${rule}` }
}

/** Delay before the attempt after `step`. Jitter only shortens, so the policy's numbers are upper bounds. */
export function retryDelay(backoff: Backoff, step: number, random: number): number {
  const full =
    backoff.type === 'schedule'
      ? (backoff.delays[step - 1] ?? backoff.delays.at(-1) ?? 0)
      : Math.min(backoff.delay * 2 ** (step - 1), backoff.maxDelay)
  return Math.round(full * (1 - backoff.jitter * random))
}

/** RFC 9110 §10.2.3: seconds or an HTTP date, from now in milliseconds. Anything else is ignored. */
export function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined
  if (/^\s*\d{1,10}\s*$/.test(value)) return Number(value) * 1000
  // Only the form that RFC 9110 tells senders to use; Date.parse alone would take "-1" for a year.
  if (!/^\s*[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT\s*$/.test(value)) return undefined
  const date = Date.parse(value)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}
