import type { KeyInput, KeyPatch } from '../../shared/contracts/api/key.ts'
import { createApiKey, createId, hashApiKey } from '../../shared/id.ts'
import { Problem, invalid } from '../../shared/problem.ts'
import type { ApiKey } from '../../shared/storage/storage.ts'
import type { StatusDeps } from './deps.ts'
import { notFound } from './refuse.ts'

type Deps = Pick<StatusDeps, 'storage' | 'clock'>

export async function createKey(
  organizationId: string,
  { label, scopes, expires_at, rate_limit }: KeyInput,
  { storage, clock }: Deps,
): Promise<{ key: ApiKey; text: string }> {
  const now = clock.now()
  const text = createApiKey()
  const key: ApiKey = {
    id: createId(),
    organizationId,
    label,
    scopes: [...new Set(scopes)],
    createdAt: now,
    expiresAt: expiryOf(expires_at, now) ?? null,
    lastUsedAt: null,
    rateLimit: rate_limit ?? null,
  }
  if (!(await storage.keys.create(key, hashApiKey(text)))) throw new Error('a new API key was there already')
  return { key, text }
}

export async function patchKey(
  organizationId: string,
  id: string,
  { label, scopes, expires_at, rate_limit }: KeyPatch,
  deps: Deps,
): Promise<ApiKey> {
  const now = deps.clock.now()
  const patch = {
    ...(label !== undefined && { label }),
    ...(scopes !== undefined && { scopes: [...new Set(scopes)] }),
    ...(expires_at !== undefined && { expiresAt: expiryOf(expires_at, now) ?? null }),
    ...(rate_limit !== undefined && { rateLimit: rate_limit }),
  }
  if (Object.keys(patch).length === 0) return findKey(organizationId, id, deps)
  const key = await deps.storage.keys.update(organizationId, id, patch, now)
  if (key === 'last admin') throw lastAdmin
  if (!key) throw notFound('key', id)
  return key
}

/** While both are taken, who uses the key can change over at leisure. */
export async function rotateKey(
  organizationId: string,
  id: string,
  overlapSeconds: number,
  { storage, clock }: Deps,
): Promise<{ key: ApiKey; text: string }> {
  const text = createApiKey()
  const until = overlapSeconds === 0 ? null : clock.now() + overlapSeconds * 1_000
  const key = await storage.keys.rotate(organizationId, id, hashApiKey(text), until)
  if (!key) throw notFound('key', id)
  return { key, text }
}

/** The last key that can make keys stays: without it nobody could let anybody in again. */
export async function removeKey(organizationId: string, id: string, { storage, clock }: Deps): Promise<void> {
  const removed = await storage.keys.remove(organizationId, id, clock.now())
  if (removed === 'last admin') throw lastAdmin
  if (!removed) throw notFound('key', id)
}

export async function findKey(organizationId: string, id: string, { storage }: Pick<Deps, 'storage'>): Promise<ApiKey> {
  const key = (await storage.keys.list(organizationId)).find((one) => one.id === id)
  if (!key) throw notFound('key', id)
  return key
}

const lastAdmin = new Problem('conflict', 'this is the last key with the scope "admin"; make another first')

function expiryOf(text: string | null | undefined, now: number): number | undefined {
  if (text === undefined || text === null) return undefined
  const time = Date.parse(text)
  if (time <= now) throw invalid([{ path: ['expires_at'], message: 'must lie in the future' }])
  return time
}
