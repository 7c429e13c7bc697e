import type { Clock } from '../../shared/clock.ts'
import { createApiKey, hashApiKey } from '../../shared/id.ts'
import type { Storage } from '../../shared/storage/storage.ts'

/** Fixed, so that of two processes that start at once only one makes a key. */
const firstKeyId = '00000000-0000-7000-8000-000000000001'
export const defaultOrganization = 'default'

/** The key of the first start, to be shown once; undefined when there are keys already. */
export async function ensureAdminKey(storage: Pick<Storage, 'keys'>, clock: Clock): Promise<string | undefined> {
  if ((await storage.keys.count()) > 0) return undefined
  const key = createApiKey()
  const admin = {
    id: firstKeyId,
    organizationId: defaultOrganization,
    label: 'first admin key',
    scopes: ['admin' as const],
    createdAt: clock.now(),
    expiresAt: null,
    lastUsedAt: null,
    rateLimit: null,
  }
  return (await storage.keys.create(admin, hashApiKey(key))) ? key : undefined
}
