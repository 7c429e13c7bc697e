import { setTimeout as wait } from 'node:timers/promises'
import type { ProblemDetails } from '../../../shared/contracts/problem.ts'
import { exits, Failure } from './fail.ts'
import type { FoundKey } from './key.ts'

/** A refusal of Tidings, in its own words. */
export class Refused extends Failure {
  readonly status: number
  readonly errors: { field: string; message: string }[]
  constructor(message: string, status: number, errors: Refused['errors'] = []) {
    super(message)
    this.status = status
    this.errors = errors
  }
}

export type Sent = { contentType: string; body: string | Uint8Array; headers?: Record<string, string> }
export type Api = {
  url: string
  get<T>(path: string): Promise<T>
  /** JSON in, JSON out; whatever is refused is thrown. */
  call<T>(method: string, path: string, body?: unknown): Promise<T>
  /** Bytes as they are. */
  post<T>(path: string, sent: Sent): Promise<T>
  /** Every record of a list, page by page. */
  all<T>(path: string): Promise<T[]>
}
type Page<T> = { data: T[]; meta: { next_cursor: string | null } }

const answerWithinMs = 30_000
const waits = 5
const longestWaitSeconds = 20

/** @param ingestUrl where events go, which is another address where the services run on their own */
export function createApi(url: string, ingestUrl: string, found: FoundKey, say: (line: string) => void): Api {
  async function send(method: string, path: string, sent?: Sent): Promise<unknown> {
    const base = method === 'POST' && /^\/(events|sources\/[^/]+\/events)$/.test(path) ? ingestUrl : url
    const headers: Record<string, string> = { accept: 'application/json', ...sent?.headers }
    if (found.key) headers.authorization = `Bearer ${found.key}`
    if (sent) headers['content-type'] = sent.contentType
    for (let left = waits; ; left--) {
      const within = AbortSignal.timeout(answerWithinMs)
      const response = await fetch(base + path, { method, headers, signal: within, ...(sent && { body: sent.body }) }).catch(
        (error: unknown) => {
          throw unreachable(base, error)
        },
      )
      const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
      if (![429, 503].includes(response.status) || left === 0 || !(seconds <= longestWaitSeconds)) return read(response, base, path)
      const { detail } = (await response.json().catch(() => ({}))) as Partial<ProblemDetails>
      say(`${detail ?? 'Tidings is busy'}; trying again in ${seconds} s`)
      await wait(seconds * 1_000)
    }
  }

  async function read(response: Response, base: string, path: string): Promise<unknown> {
    const text = await response.text()
    const isJson = /[/+]json/.test(response.headers.get('content-type') ?? '')
    if (response.ok && (isJson || text === '')) return text === '' ? undefined : (JSON.parse(text) as unknown)
    if (!isJson) throw new Failure(`${base}${path} was answered ${response.status} and not by Tidings: is this its address?`)
    throw refusal(response.status, JSON.parse(text) as Partial<ProblemDetails>, found)
  }

  const call = async <T>(method: string, path: string, body?: unknown) =>
    (await send(method, path, body === undefined ? undefined : { contentType: 'application/json', body: JSON.stringify(body) })) as T

  return {
    url,
    call,
    get: (path) => call('GET', path),
    post: async <T>(path: string, sent: Sent) => (await send('POST', path, sent)) as T,
    async all<T>(path: string) {
      const rows: T[] = []
      for (let after: string | null = ''; after !== null; ) {
        const page: Page<T> = await call(
          'GET',
          `${path}${path.includes('?') ? '&' : '?'}limit=200${after && `&after=${encodeURIComponent(after)}`}`,
        )
        rows.push(...page.data)
        after = page.meta.next_cursor
      }
      return rows
    },
  }
}

function refusal(status: number, { detail, title, errors = [] }: Partial<ProblemDetails>, found: FoundKey): Refused {
  const more = errors.length > 1 ? errors.map(({ field, message }) => `  ${field}: ${message}`) : []
  const hint = status === 401 || status === 403 ? [keyHint(status, found)] : []
  return new Refused([detail ?? title ?? `answered ${status}`, ...more, ...hint].join('\n'), status, errors)
}

function keyHint(status: number, { key, from }: FoundKey): string {
  if (!key) return 'No API key was given: --key, TIDINGS_API_KEY, or TIDINGS_API_KEY_FILE. `npm start` keeps one in data/admin.key.'
  return status === 401 ? `The key was that of ${from}.` : `The key of ${from} may not do this; one with another scope is needed.`
}

function unreachable(url: string, error: unknown): Failure {
  const { name, message, cause } = error as Error
  const reason =
    cause instanceof Error
      ? cause.message || (cause as NodeJS.ErrnoException).code
      : name === 'TimeoutError'
        ? 'no answer within 30 s'
        : message
  return new Failure(
    `cannot reach Tidings at ${url} (${reason}). Start it with \`npm start\`, or name another address with --url or TIDINGS_URL.`,
    exits.unreachable,
  )
}
