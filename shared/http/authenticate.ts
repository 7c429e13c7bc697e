import { LRUCache } from 'lru-cache'
import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import type { Clock } from '../clock.ts'
import { hashApiKey, isMistyped } from '../id.ts'
import { Problem } from '../problem.ts'
import type { ApiKey, Scope, Session, Storage } from '../storage/storage.ts'
import type { AppEnv } from './app.ts'
import type { RateLimits } from './rate-limit.ts'
import { tell } from './tell.ts'
import { isSafe, originOf } from './same-origin.ts'
import { readSession, sessionMs, writeSession } from './session-cookie.ts'

/** A removed key stops working within this time. */
const cacheMs = 2_000
const touchMs = 60_000
/** How much of a session may pass before its end is moved. */
const extendAfterMs = 300_000

export type Authenticate = ReturnType<typeof createAuthenticate>
type SignedIn = { session: Session; key: ApiKey }

/**
 * `authenticate('read')` is a middleware that lets through who shows an API key with that scope (RFC 6750 Bearer,
 * or HTTP Basic with the key as password, for a browser on Bull Board), or who is signed in with such a key. `admin`
 * includes every scope, `write` includes `read`. The organization comes from the key and from nothing else.
 */
export function createAuthenticate(
  storage: Pick<Storage, 'keys' | 'sessions'>,
  clock: Clock,
  { publicUrl, limits }: { publicUrl?: string | undefined; limits?: RateLimits | undefined } = {},
) {
  const known = new LRUCache<string, { key: ApiKey }>({ max: 10_000, ttl: cacheMs })
  const signedIn = new LRUCache<string, SignedIn>({ max: 10_000, ttl: cacheMs })
  const touched = new LRUCache<string, true>({ max: 10_000, ttl: touchMs })

  const find = async (presented: string): Promise<ApiKey | undefined> => {
    const hash = hashApiKey(presented)
    const cached = known.get(hash)
    if (cached) return cached.key
    const key = await storage.keys.findByHash(hash, clock.now())
    if (key) known.set(hash, { key })
    return key
  }

  async function touch(id: string): Promise<void> {
    if (touched.has(id)) return
    touched.set(id, true)
    await storage.keys.touch(id, clock.now())
  }

  /** @throws Problem */
  async function key(presented: string | undefined, scope: Scope): Promise<ApiKey> {
    if (!presented) throw new Problem('unauthenticated', 'send an API key: `Authorization: Bearer tdk_…`')
    if (isMistyped(presented)) throw new Problem('unauthenticated', 'this API key is cut off or mistyped: its checksum does not fit')
    const found = await find(presented)
    if (!found) throw new Problem('unauthenticated', 'this API key is unknown, expired or removed')
    requireScope(found, scope)
    limits?.takeKey(found)
    await touch(found.id)
    return found
  }

  /** @throws Problem */
  async function session(c: Context<AppEnv>, text: string, scope: Scope): Promise<SignedIn> {
    // a browser sends the cookie along whoever wrote the page: a change must come from a page of ours
    if (!isSafe(c.req.method) && originOf(c) !== 'same')
      throw new Problem('forbidden', 'a change by a signed-in browser must come from a page of this very address; use an API key elsewhere')
    const id = hashApiKey(text)
    const found = signedIn.get(id) ?? (await storage.sessions.find(id, clock.now()))
    if (!found || found.session.expiresAt <= clock.now()) throw new Problem('unauthenticated', 'the sign-in has ended; sign in again')
    signedIn.set(id, found)
    requireScope(found.key, scope)
    limits?.takeKey(found.key)
    await touch(found.key.id)
    return found
  }

  async function prolong(c: Context<AppEnv>, text: string, { session: { id, expiresAt } }: SignedIn): Promise<void> {
    const wanted = clock.now() + sessionMs
    if (wanted - expiresAt < extendAfterMs) return
    signedIn.delete(id)
    await storage.sessions.extend(id, wanted)
    writeSession(c, publicUrl, text)
  }

  const authenticate = (scope: Scope) =>
    createMiddleware<AppEnv>(async function authenticated(c, next) {
      // this app, asking itself: no request from outside has bindings of this name
      const insider = (c.env as { insider?: ApiKey } | undefined)?.insider
      if (insider) {
        c.set('key', insider)
        return next()
      }
      const presented = presentedKey(c.req.header('authorization'))
      const cookie = presented ? undefined : readSession(c, publicUrl)
      if (!cookie) {
        c.set('key', await key(presented, scope))
        tellLimits(c)
        return next()
      }
      const found = await session(c, cookie, scope)
      c.set('key', found.key)
      c.set('session', found.session)
      tellLimits(c)
      await next()
      // once it was answered: what signs out has forgotten the cookie by then
      if (signedIn.has(found.session.id)) await prolong(c, cookie, found)
    })
  /** Before there is an answer: adding to one that is made copies it. */
  function tellLimits(c: Context<AppEnv>): void {
    for (const [name, value] of Object.entries(limits?.headers(c.get('key')) ?? {})) tell(c, name, value)
  }
  /** Of a session that was ended here; elsewhere it is forgotten within two seconds. */
  const forget = (sessionId: string) => void signedIn.delete(sessionId)
  return Object.assign(authenticate, { key, forget, limits })
}

const includes: Record<Scope, readonly Scope[]> = {
  admin: ['ingest', 'read', 'write', 'admin'],
  write: ['write', 'read'],
  read: ['read'],
  ingest: ['ingest'],
}
const allows = (held: Scope[], needed: Scope) => held.some((scope) => includes[scope].includes(needed))

function requireScope({ scopes }: ApiKey, scope: Scope): void {
  if (!allows(scopes, scope)) throw new Problem('forbidden', `this needs a key with the scope "${scope}"; yours has: ${scopes.join(', ')}`)
}

/** The key in an `Authorization` header, if there is one. */
export function presentedKey(header: string | undefined): string | undefined {
  const [kind, value] = (header ?? '').split(/ +/, 2)
  if (!value) return undefined
  if (/^bearer$/i.test(kind ?? '')) return value
  if (/^basic$/i.test(kind ?? '')) return Buffer.from(value, 'base64').toString('utf8').split(':').slice(1).join(':') || undefined
  return undefined
}
