import type { Context, MiddlewareHandler } from 'hono'
import { createMiddleware } from 'hono/factory'
import { routePatterns, type App, type AppEnv } from '../../../shared/http/app.ts'
import { isSafe } from '../../../shared/http/same-origin.ts'
import type { ApiKey } from '../../../shared/storage/storage.ts'
import type { StatusDeps } from '../deps.ts'
import { maskUrl, secretName } from '../mask.ts'
import { hidden } from '../shape.ts'

type Deps = Pick<StatusDeps, 'storage' | 'clock' | 'log'>
type Route = { method: string; path: string; scope: string | undefined }

/** What asks only, though by POST because of its body, needs no more than `read`. Signing in and out is a change. */
export const isChange = ({ method, path, scope }: Route): boolean =>
  !isSafe(method.toUpperCase()) && (scope !== 'read' || path.startsWith('/session'))

/** More would be a copy of the log, not a word on what changed. */
const maxBytes = 65_536

/**
 * Writes a row for each change, in one place for all routes: what the API showed of the record before and after, to a
 * key that may only read. The row is on disk before the answer goes out; where it cannot be written, the answer is a
 * fault and the log of the process has the row.
 */
export function createAudited(app: App, deps: Deps): (route: Route) => MiddlewareHandler<AppEnv> {
  const look = createLook(app)
  return ({ method, path }) => {
    const creates = isSame(method, 'post') && !path.includes('{')
    return createMiddleware<AppEnv>(async function audited(c, next) {
      const before = creates ? null : await look(c, c.req.path)
      await next()
      const key = c.get('key') as ApiKey | undefined
      if (c.res.status >= 400 || !key) return
      const answer = await bodyOf(c.res)
      const made = creates ? await lookAtNew(c, look, answer) : undefined
      const after = creates ? made?.record : await look(c, c.req.path)
      await append(c, deps, key, {
        action: `${method.toUpperCase()} ${path}`,
        ...targetOf(c, path, made?.id),
        before,
        after: after ?? (isSame(method, 'delete') ? null : withoutSecrets(answer)),
      })
    })
  }
}

type Entry = { action: string; targetType: string; targetId: string | null; before: unknown; after: unknown }

export async function append(c: Context<AppEnv>, { storage, clock, log }: Deps, key: ApiKey, entry: Entry): Promise<void> {
  const row = {
    ...entry,
    before: bounded(entry.before),
    after: bounded(entry.after),
    organizationId: key.organizationId,
    at: clock.now(),
    actor: key.id,
    actorLabel: key.label,
    requestId: c.get('requestId') ?? null,
  }
  await storage.audit.append(row).catch((error: unknown) => {
    log.error({ err: error, row }, 'a change was made and could not be written into the audit log')
    throw error
  })
}

const isSame = (method: string, wanted: string) => method.toLowerCase() === wanted

/** `/webhooks/{id}/test` is about the webhook with that id, `/directory/users/{name}` about one of `directory/users`. */
function targetOf(c: Context<AppEnv>, path: string, made: string | undefined): Pick<Entry, 'targetType' | 'targetId'> {
  const parts = path.replace('/api/v1/', '/').split('/').slice(1)
  const first = parts.findIndex((part) => part.startsWith('{'))
  if (first < 0) return { targetType: parts[0] as string, targetId: made ?? null }
  return { targetType: parts.slice(0, first).join('/'), targetId: c.req.param((parts[first] as string).slice(1, -1)) ?? null }
}

/**
 * Asks this very app for the record that a path is about, in the name of somebody of the organization who may only
 * look: what is secret to him does not get here. The record is the path itself where it can be looked at, or what it
 * lies below.
 */
type Look = ReturnType<typeof createLook>
function createLook(app: App) {
  let readable: RegExp[] | undefined
  return async (c: Context<AppEnv>, path: string): Promise<unknown> => {
    const key = c.get('key') as ApiKey | undefined
    // late, when all routes are there
    readable ??= routePatterns(app).flatMap(({ method, pattern }) => (method === 'GET' ? [pattern] : []))
    const target = above(path).find((candidate) => readable?.some((pattern) => pattern.test(candidate)))
    if (target === undefined || !key) return null
    const answer = await app.request(new URL(target, c.req.url), {}, { insider: { ...key, scopes: ['read'] } satisfies ApiKey })
    return answer.ok ? withoutSecrets(await bodyOf(answer)) : null
  }
}

/** `/a/b/c` → `/a/b/c`, `/a/b`: never a whole collection. */
const above = (path: string): string[] => {
  const parts = path.replace(/(.)\/$/, '$1').split('/')
  return parts.map((_, i) => parts.slice(0, parts.length - i).join('/')).filter((one) => one.split('/').length > 2)
}

const bodyOf = async (response: Response): Promise<unknown> =>
  /json/.test(response.headers.get('content-type') ?? '') ? response.clone().json() : null

/** What was made has an id or a name by which it can be looked at; of what can not, the answer is all there is. */
async function lookAtNew(c: Context<AppEnv>, look: Look, answer: unknown): Promise<{ id: string; record: unknown } | undefined> {
  const { id, name } = (answer ?? {}) as { id?: unknown; name?: unknown }
  const names = [id, name].filter((one) => typeof one === 'string')
  for (const one of names) {
    const record = await look(c, `${c.req.path}/${encodeURIComponent(one)}`)
    if (record !== null) return { id: one, record }
  }
  return names[0] === undefined ? undefined : { id: names[0], record: withoutSecrets(answer) }
}

/** Keys, sign-ins and signing secrets of our own making. */
const ownSecret = /\b(td[kls]|whsec)_/

/** What was left of a secret in spite of all: by the names of members, and in addresses. Attempts are the log's. */
function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets)
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).filter(([name]) => name !== 'attempt_log')
  return Object.fromEntries(
    kept.map(([name, member]) => {
      if (typeof member !== 'string') return [name, withoutSecrets(member)]
      return [name, secretName.test(name) || ownSecret.test(member) ? hidden : /^(url|endpoint)$/.test(name) ? maskUrl(member) : member]
    }),
  )
}

function bounded(value: unknown): unknown {
  const bytes = value === undefined ? 0 : Buffer.byteLength(JSON.stringify(value))
  return bytes > maxBytes ? { omitted: `${bytes} bytes` } : (value ?? null)
}
