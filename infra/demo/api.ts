import { setTimeout as wait } from 'node:timers/promises'

/** What the demo cannot go on after; shown without a stack. */
export class DemoError extends Error {}

export type Answered = { status: number; body: unknown }
export type Api = {
  url: string
  /** Asks, and takes a refusal as an error. */
  ask<T>(method: string, path: string, body?: unknown): Promise<T>
  /** Posts, and leaves it to the caller what to make of the answer. `signed` requests carry no key. */
  post(path: string, headers: Record<string, string>, body: string, signed: boolean): Promise<Answered>
}

const tries = 5
const answerWithinMs = 30_000

export function createApi(url: string, key: string, signal: AbortSignal): Api {
  const authorization = { authorization: `Bearer ${key}` }

  async function send(method: string, path: string, headers: Record<string, string>, body: string | undefined): Promise<Answered> {
    const within = AbortSignal.any([signal, AbortSignal.timeout(answerWithinMs)])
    const response = await fetch(url + path, { method, headers, signal: within, ...(body !== undefined && { body }) })
    const text = await response.text()
    return { status: response.status, body: isJson(response) ? JSON.parse(text) : text }
  }

  return {
    url,
    async ask<T>(method: string, path: string, body?: unknown): Promise<T> {
      const headers = { ...authorization, ...(body !== undefined && { 'content-type': 'application/json' }) }
      const answered = await send(method, path, headers, body === undefined ? undefined : JSON.stringify(body)).catch((error: unknown) => {
        throw signal.aborted ? error : new DemoError(`${url} does not answer: ${reasonOf(error)}`)
      })
      if (answered.status >= 200 && answered.status < 300) return answered.body as T
      throw new DemoError(`${method} ${path} was answered ${answered.status}: ${detailOf(answered.body)}`)
    },
    async post(path, headers, body, signed) {
      for (let left = tries - 1; ; left--) {
        const answered = await send('POST', path, { ...headers, ...(!signed && authorization) }, body).catch((error: unknown) => {
          if (signal.aborted) throw error
          if (left === 0) throw new DemoError(`${url} does not answer: ${reasonOf(error)}`)
          return undefined
        })
        // as a catalog does: what was not answered, or not now, is sent again as it was
        if (answered && (answered.status < 500 || left === 0)) return answered
        await wait(200 * (tries - left), undefined, { signal })
      }
    },
  }
}

const isJson = (response: Response) => /[/+]json/.test(response.headers.get('content-type') ?? '')
const reasonOf = (error: unknown) => {
  const { message, cause } = error as Error
  return cause instanceof Error ? cause.message : message
}
export const detailOf = (body: unknown): string =>
  typeof body === 'object' && body !== null && 'detail' in body ? String(body.detail) : JSON.stringify(body).slice(0, 300)
