import type { KeyInput } from '../../shared/contracts/api/key.ts'
import { createApiKey, createId, hashApiKey } from '../../shared/id.ts'
import { Problem, invalid } from '../../shared/problem.ts'
import type { ApiKey } from '../../shared/storage/storage.ts'
import type { StatusDeps } from './deps.ts'
import { notFound } from './refuse.ts'

type Deps = Pick<StatusDeps, 'storage' | 'clock'>

export async function createKey(
  organizationId: string,
  { label, scopes, expires_at }: KeyInput,
  { storage, clock }: Deps,
): Promise<{ key: ApiKey; text: string }> {
  const now = clock.now()
  const expiresAt = expires_at === undefined ? null : Date.parse(expires_at)
  if (expiresAt !== null && expiresAt <= now) throw invalid([{ path: ['expires_at'], message: 'must lie in the future' }])
  const text = createApiKey()
  const key: ApiKey = {
    id: createId(),
    organizationId,
    label,
    scopes: [...new Set(scopes)],
    createdAt: now,
    expiresAt,
    lastUsedAt: null,
    rateLimit: null,
  }
  if (!(await storage.keys.create(key, hashApiKey(text)))) throw new Error('a new API key was there already')
  return { key, text }
}

/** The last key that can make keys stays: without it nobody could let anybody in again. */
export async function removeKey(organizationId: string, id: string, { storage, clock }: Deps): Promise<void> {
  const keys = await storage.keys.list(organizationId)
  const isLasting = (key: ApiKey) => key.scopes.includes('admin') && (key.expiresAt === null || key.expiresAt > clock.now())
  const lasting = keys.filter(isLasting)
  if (lasting.length === 1 && lasting[0]?.id === id)
    throw new Problem('conflict', 'this is the last key with the scope "admin"; make another first')
  if (!(await storage.keys.remove(organizationId, id))) throw notFound('key', id)
}

export async function findKey(organizationId: string, id: string, { storage }: Pick<Deps, 'storage'>): Promise<ApiKey> {
  const key = (await storage.keys.list(organizationId)).find((one) => one.id === id)
  if (!key) throw notFound('key', id)
  return key
}
