import { LRUCache } from 'lru-cache'
import { createMiddleware } from 'hono/factory'
import type { Clock } from '../clock.ts'
import { hashApiKey } from '../id.ts'
import { Problem } from '../problem.ts'
import type { ApiKey, Scope, Storage } from '../storage/storage.ts'
import type { AppEnv } from './app.ts'

/** A removed key stops working within this time. */
const cacheMs = 2_000
const touchMs = 60_000

export type Authenticate = ReturnType<typeof createAuthenticate>

/**
 * `authenticate('read')` is a middleware that lets through who shows an API key with that scope (RFC 6750 Bearer,
 * or HTTP Basic with the key as password, for a browser on Bull Board). `admin` includes every scope, `write`
 * includes `read`. The organization comes from the key and from nothing else.
 */
export function createAuthenticate(storage: Pick<Storage, 'keys'>, clock: Clock) {
  const known = new LRUCache<string, { key: ApiKey }>({ max: 10_000, ttl: cacheMs })
  const touched = new LRUCache<string, true>({ max: 10_000, ttl: touchMs })

  const find = async (presented: string): Promise<ApiKey | undefined> => {
    const hash = hashApiKey(presented)
    const cached = known.get(hash)
    if (cached) return cached.key
    const key = await storage.keys.findByHash(hash, clock.now())
    if (key) known.set(hash, { key })
    return key
  }

  /** @throws Problem */
  async function key(presented: string | undefined, scope: Scope): Promise<ApiKey> {
    if (!presented) throw new Problem('unauthenticated', 'send an API key: `Authorization: Bearer tdk_…`')
    const found = await find(presented)
    if (!found) throw new Problem('unauthenticated', 'this API key is unknown, expired or removed')
    if (!allows(found.scopes, scope))
      throw new Problem('forbidden', `this needs a key with the scope "${scope}"; yours has: ${found.scopes.join(', ')}`)
    if (!touched.has(found.id)) {
      touched.set(found.id, true)
      await storage.keys.touch(found.id, clock.now())
    }
    return found
  }

  const authenticate = (scope: Scope) =>
    createMiddleware<AppEnv>(async function authenticated(c, next) {
      c.set('key', await key(presentedKey(c.req.header('authorization')), scope))
      await next()
    })
  return Object.assign(authenticate, { key })
}

const includes: Record<Scope, readonly Scope[]> = {
  admin: ['ingest', 'read', 'write', 'admin'],
  write: ['write', 'read'],
  read: ['read'],
  ingest: ['ingest'],
}
const allows = (held: Scope[], needed: Scope) => held.some((scope) => includes[scope].includes(needed))

/** The key in an `Authorization` header, if there is one. */
export function presentedKey(header: string | undefined): string | undefined {
  const [kind, value] = (header ?? '').split(/ +/, 2)
  if (!value) return undefined
  if (/^bearer$/i.test(kind ?? '')) return value
  if (/^basic$/i.test(kind ?? '')) return Buffer.from(value, 'base64').toString('utf8').split(':').slice(1).join(':') || undefined
  return undefined
}
