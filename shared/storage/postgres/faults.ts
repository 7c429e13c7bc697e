import { Problem } from '../../problem.ts'

/** Of the network, and what a server says that starts, ends or is full. */
const away = new Set(
  'ECONNREFUSED ECONNRESET ENOENT EPIPE ETIMEDOUT EHOSTUNREACH ENETUNREACH ENOTFOUND EAI_AGAIN 57P01 57P02 57P03 53300'.split(' '),
)
const lost = /^Connection terminated|^timeout exceeded when trying to connect/

type Cause = Error & { code?: string }

/**
 * What is thrown of a statement that failed. Libraries write its values beside it, and those may be hashes of keys or sealed
 * secrets, which no log may have: only the statement is kept. A server that is away is no fault of the request.
 */
function faultOf(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof Problem) return error
  const { query } = error as { query?: string }
  const cause = (error.cause instanceof Error ? error.cause : error) as Cause
  const { code, message } = cause
  if (away.has(code ?? '') || code?.startsWith('08') || lost.test(message))
    return new Problem('unavailable', 'the database is away; send this again later', { retryAfterSeconds: 5, cause: new Error(message) })
  if (query === undefined && !/^[0-9A-Z]{5}$/.test(code ?? '')) return error
  const fault = new Error(`${message} (${code})${query ? `, in: ${query.trim().replace(/\s+/g, ' ').slice(0, 200)}` : ''}`)
  const frames = error.stack?.split('\n').filter((line) => line.startsWith('    at ')) ?? []
  fault.stack = [`Error: ${fault.message}`, ...frames].join('\n')
  return fault
}

export async function withFaults<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw faultOf(error)
  }
}

/** The same stores, with what they throw. */
export function guarded<T extends Record<string, object>>(stores: T): T {
  const guard = (store: object) =>
    Object.fromEntries(
      Object.entries(store).map(([name, method]: [string, (...args: unknown[]) => Promise<unknown>]) => [
        name,
        (...args: unknown[]) => withFaults(() => method(...args)),
      ]),
    )
  return Object.fromEntries(Object.entries(stores).map(([name, store]) => [name, guard(store)])) as T
}
