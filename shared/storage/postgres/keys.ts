import { timingSafeEqual } from 'node:crypto'
import { and, asc, count, eq, getTableColumns, gt, isNull, ne, or, sql } from 'drizzle-orm'
import type { KeyStore } from '../storage.ts'
import { inTransaction, type Db, type Executor } from './database.ts'
import { sessions } from './guard-schema.ts'
import { apiKeys, organizations } from './schema.ts'

const { hash, previousHash, ...columns } = getTableColumns(apiKeys)
export const keyColumns = columns

const isSame = (a: string, b: string) => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))
const own = (organizationId: string, id: string) => and(eq(apiKeys.organizationId, organizationId), eq(apiKeys.id, id))
const endSessions = (tx: Executor, keyId: string) => tx.delete(sessions).where(eq(sessions.keyId, keyId))

/**
 * Whether the key is the only one of its organization that can make keys, now. Whoever asks holds the organization until
 * the end: of two admins that are taken away at once, the second is the last one.
 */
async function isLastAdmin(tx: Executor, organizationId: string, id: string, now: number): Promise<boolean> {
  await tx.select().from(organizations).where(eq(organizations.id, organizationId)).for('update')
  const lasting = or(isNull(apiKeys.expiresAt), gt(apiKeys.expiresAt, now))
  const admin = sql`exists (select 1 from json_array_elements_text(${apiKeys.scopes}) as scope where scope = 'admin')`
  const find = (which: ReturnType<typeof eq>) =>
    tx
      .select({ id: apiKeys.id })
      .from(apiKeys)
      .where(and(eq(apiKeys.organizationId, organizationId), which, lasting, admin))
      .limit(1)
  return (await find(eq(apiKeys.id, id))).length > 0 && (await find(ne(apiKeys.id, id))).length === 0
}

export function create(db: Db): KeyStore {
  return {
    create: (key, keyHash) =>
      inTransaction(db, async (tx) => {
        await tx.insert(organizations).values({ id: key.organizationId, createdAt: key.createdAt }).onConflictDoNothing()
        const { rowCount } = await tx
          .insert(apiKeys)
          .values({ ...key, hash: keyHash })
          .onConflictDoNothing()
        return rowCount === 1
      }),
    async findByHash(wanted, now) {
      const valid = or(isNull(apiKeys.expiresAt), gt(apiKeys.expiresAt, now))
      const previous = and(eq(previousHash, wanted), gt(apiKeys.previousExpiresAt, now))
      const [found] = await db
        .select({ key: columns, hash, previousHash })
        .from(apiKeys)
        .where(and(or(eq(hash, wanted), previous), valid))
        .limit(1)
      // the index has found it; what is let in is decided by a comparison whose time says nothing
      const same = found && [found.hash, found.previousHash].map((one) => one !== null && isSame(one, wanted)).includes(true)
      return same ? found.key : undefined
    },
    list: (organizationId) => db.select(columns).from(apiKeys).where(eq(apiKeys.organizationId, organizationId)).orderBy(asc(apiKeys.id)),
    update: (organizationId, id, patch, now) =>
      inTransaction(db, async (tx) => {
        const losesAdmin = patch.scopes !== undefined && !patch.scopes.includes('admin')
        const ends = typeof patch.expiresAt === 'number'
        if ((losesAdmin || ends) && (await isLastAdmin(tx, organizationId, id, now))) return 'last admin'
        const [updated] = await tx.update(apiKeys).set(patch).where(own(organizationId, id)).returning(columns)
        return updated
      }),
    rotate: (organizationId, id, newHash, previousExpiresAt) =>
      inTransaction(db, async (tx) => {
        const before = previousExpiresAt === null ? { previousHash: null } : { previousHash: sql`${hash}` }
        const values = { hash: newHash, ...before, previousExpiresAt }
        const [rotated] = await tx.update(apiKeys).set(values).where(own(organizationId, id)).returning(columns)
        if (rotated && previousExpiresAt === null) await endSessions(tx, id)
        return rotated
      }),
    remove: (organizationId, id, now) =>
      inTransaction(db, async (tx) => {
        if (await isLastAdmin(tx, organizationId, id, now)) return 'last admin'
        const { rowCount } = await tx.delete(apiKeys).where(own(organizationId, id))
        if (rowCount === 0) return false
        await endSessions(tx, id)
        return true
      }),
    async touch(id, now) {
      await db.update(apiKeys).set({ lastUsedAt: now }).where(eq(apiKeys.id, id))
    },
    async organizations() {
      const rows = await db.select({ id: organizations.id }).from(organizations).orderBy(asc(organizations.id))
      return rows.map(({ id }) => id)
    },
    async count() {
      const [row] = await db.select({ keys: count() }).from(apiKeys)
      return row?.keys ?? 0
    },
  }
}
