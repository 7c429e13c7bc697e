import type { Session as WireSession } from '../../shared/contracts/api/session.ts'
import { sessionMs } from '../../shared/http/session-cookie.ts'
import { createSessionText, hashApiKey } from '../../shared/id.ts'
import type { ApiKey, Session } from '../../shared/storage/storage.ts'
import type { StatusDeps } from './deps.ts'
import { isoOrNull } from './shape.ts'

type Deps = Pick<StatusDeps, 'storage' | 'clock'>

/** Long enough to switch to a browser, short enough that what stays in a terminal's history is worth nothing. */
const linkMs = 600_000

/** What the browser is to hold: the only place where it is in clear. */
export async function openSession(key: ApiKey, { storage, clock }: Deps): Promise<{ text: string; session: Session }> {
  const text = createSessionText('session')
  const session = newSession('session', text, key, clock.now())
  await storage.sessions.create(session)
  return { text, session }
}

/** A path that signs in once whoever opens it. */
export async function createLink(key: ApiKey, { storage, clock }: Deps): Promise<{ path: string; expiresAt: number }> {
  const token = createSessionText('link')
  const link = newSession('link', token, key, clock.now())
  await storage.sessions.create(link)
  return { path: `/login?token=${token}`, expiresAt: link.expiresAt }
}

/** For who starts Tidings and has the terminal: in the name of a key of that organization that may do everything. */
export async function createAdminLink(organizationId: string, deps: Pick<Deps, 'storage' | 'clock'>): Promise<string | undefined> {
  const now = deps.clock.now()
  const keys = await deps.storage.keys.list(organizationId)
  const admin = keys.find(({ scopes, expiresAt }) => scopes.includes('admin') && (expiresAt === null || expiresAt > now))
  return admin && (await createLink(admin, deps)).path
}

/** Undefined when the link was used before, or is too old. */
export async function openLink(token: string, { storage, clock }: Deps): Promise<{ text: string } | undefined> {
  const text = createSessionText('session')
  const now = clock.now()
  const opened = await storage.sessions.redeem(hashApiKey(token), { id: hashApiKey(text), createdAt: now, expiresAt: now + sessionMs })
  return opened && { text }
}

const newSession = (kind: Session['kind'], text: string, key: ApiKey, now: number): Session => ({
  id: hashApiKey(text),
  kind,
  keyId: key.id,
  organizationId: key.organizationId,
  createdAt: now,
  expiresAt: now + (kind === 'link' ? linkMs : sessionMs),
})

export const sessionOf = ({ id, label, scopes, organizationId }: ApiKey, session: Session | undefined): WireSession => ({
  organization: organizationId,
  key: { id, label, scopes },
  expires_at: isoOrNull(session?.expiresAt ?? null),
})
