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

  return (scope: Scope) =>
    createMiddleware<AppEnv>(async function authenticated(c, next) {
      const presented = presentedKey(c.req.header('authorization'))
      if (!presented) throw new Problem('unauthenticated', 'send an API key: `Authorization: Bearer tdk_…`')
      const key = await find(presented)
      if (!key) throw new Problem('unauthenticated', 'this API key is unknown, expired or removed')
      if (!allows(key.scopes, scope))
        throw new Problem('forbidden', `this needs a key with the scope "${scope}"; yours has: ${key.scopes.join(', ')}`)
      if (!touched.has(key.id)) {
        touched.set(key.id, true)
        await storage.keys.touch(key.id, clock.now())
      }
      c.set('key', key)
      await next()
    })
}

const includes: Record<Scope, readonly Scope[]> = {
  admin: ['ingest', 'read', 'write', 'admin'],
  write: ['write', 'read'],
  read: ['read'],
  ingest: ['ingest'],
}
const allows = (held: Scope[], needed: Scope) => held.some((scope) => includes[scope].includes(needed))

function presentedKey(header: string | undefined): string | undefined {
  const [kind, value] = (header ?? '').split(/ +/, 2)
  if (!value) return undefined
  if (/^bearer$/i.test(kind ?? '')) return value
  if (/^basic$/i.test(kind ?? '')) return Buffer.from(value, 'base64').toString('utf8').split(':').slice(1).join(':') || undefined
  return undefined
}
