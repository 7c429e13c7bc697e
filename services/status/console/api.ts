import type { ProblemDetails } from '../../../shared/contracts/problem.ts'

/** A request that was refused, with the words of the service; status 0: it was not reached. */
export class Refused extends Error {
  readonly problem: ProblemDetails
  constructor(problem: ProblemDetails) {
    super(problem.detail ?? problem.title)
    this.problem = problem
  }
  get status(): number {
    return this.problem.status
  }
}

let onSignedOut = () => {}
/** Called when the service no longer knows who asks. */
export const whenSignedOut = (listener: () => void): void => void (onSignedOut = listener)

type Options = { body?: unknown; signal?: AbortSignal | undefined; type?: string }

export async function call<T>(method: string, path: string, { body, signal, type = 'application/json' }: Options = {}): Promise<T> {
  const headers: Record<string, string> = { accept: 'application/json' }
  if (body !== undefined) headers['content-type'] = type
  const response = await fetch(path, {
    method,
    headers,
    credentials: 'same-origin',
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(signal && { signal }),
  }).catch((error: unknown) => {
    if (signal?.aborted) throw error
    throw unreachable()
  })
  if (response.ok) return (response.status === 204 ? undefined : await response.json()) as T
  const refused = new Refused(await problemOf(response))
  if (response.status === 401 && path !== '/session') onSignedOut()
  throw refused
}

const unreachable = () =>
  new Refused({
    type: 'about:blank',
    title: 'Not reached',
    status: 0,
    detail: 'Tidings does not answer. It is tried again when you act, or by itself in live views.',
  })

async function problemOf(response: Response): Promise<ProblemDetails> {
  const fallback = { type: 'about:blank', title: `The service answered ${response.status}`, status: response.status }
  try {
    return { ...fallback, ...((await response.json()) as Partial<ProblemDetails>) }
  } catch {
    // not one of ours: a proxy between, most likely
    return fallback
  }
}

export const get = <T>(path: string, signal?: AbortSignal) => call<T>('GET', path, { signal })
export const post = <T>(path: string, body?: unknown, signal?: AbortSignal) => call<T>('POST', path, { body, signal })
export const put = <T>(path: string, body: unknown) => call<T>('PUT', path, { body })
export const patch = <T>(path: string, body: unknown) => call<T>('PATCH', path, { body, type: 'application/merge-patch+json' })
export const remove = <T = void>(path: string) => call<T>('DELETE', path)

/** What the list routes answer. */
export type List<T> = { data: T[]; meta: { next_cursor: string | null; has_more: boolean } }
