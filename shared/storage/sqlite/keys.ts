import { timingSafeEqual } from 'node:crypto'
import { and, asc, count, eq, getTableColumns, gt, isNull, ne, or, sql } from 'drizzle-orm'
import type { KeyStore } from '../storage.ts'
import type { Db } from './database.ts'
import { sessions } from './guard-schema.ts'
import { apiKeys, organizations } from './schema.ts'
import type { Sync } from './stores.ts'

const { hash, previousHash, ...columns } = getTableColumns(apiKeys)
export const keyColumns = columns

export function reads(db: Db): Pick<Sync<KeyStore>, 'findByHash' | 'list' | 'count' | 'organizations'> {
  const p = sql.placeholder
  const valid = or(isNull(apiKeys.expiresAt), gt(apiKeys.expiresAt, p('now')))
  const previous = and(eq(previousHash, p('hash')), gt(apiKeys.previousExpiresAt, p('now')))
  const byHash = db
    .select({ key: columns, hash, previousHash })
    .from(apiKeys)
    .where(and(or(eq(hash, p('hash')), previous), valid))
    .prepare()

  return {
    findByHash(wanted, now) {
      const found = byHash.get({ hash: wanted, now })
      // the index has found it; what is let in is decided by a comparison whose time says nothing
      const same = found && [found.hash, found.previousHash].map((one) => one !== null && isSame(one, wanted)).includes(true)
      return same ? found.key : undefined
    },
    list: (organizationId) =>
      db.select(columns).from(apiKeys).where(eq(apiKeys.organizationId, organizationId)).orderBy(asc(apiKeys.id)).all(),
    count: () => db.select({ keys: count() }).from(apiKeys).get()?.keys ?? 0,
    organizations: () =>
      db
        .select({ id: organizations.id })
        .from(organizations)
        .all()
        .map(({ id }) => id),
  }
}

const isSame = (a: string, b: string) => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))

const own = (organizationId: string, id: string) => and(eq(apiKeys.organizationId, organizationId), eq(apiKeys.id, id))

export function writes(db: Db): Pick<Sync<KeyStore>, 'create' | 'update' | 'rotate' | 'remove' | 'touch'> {
  const endSessions = (keyId: string) => db.delete(sessions).where(eq(sessions.keyId, keyId)).run()

  /** Whether the key is the only one of its organization that can make keys, now. */
  function isLastAdmin(organizationId: string, id: string, now: number): boolean {
    const lasting = or(isNull(apiKeys.expiresAt), gt(apiKeys.expiresAt, now))
    const admin = sql`exists (select 1 from json_each(${apiKeys.scopes}) where value = 'admin')`
    const find = (which: ReturnType<typeof eq>) =>
      db
        .select({ id: apiKeys.id })
        .from(apiKeys)
        .where(and(eq(apiKeys.organizationId, organizationId), which, lasting, admin))
        .get()
    return find(eq(apiKeys.id, id)) !== undefined && find(ne(apiKeys.id, id)) === undefined
  }

  return {
    create(key, keyHash) {
      db.insert(organizations).values({ id: key.organizationId, createdAt: key.createdAt }).onConflictDoNothing().run()
      return (
        db
          .insert(apiKeys)
          .values({ ...key, hash: keyHash })
          .onConflictDoNothing()
          .run().changes === 1
      )
    },
    update(organizationId, id, patch, now) {
      const losesAdmin = patch.scopes !== undefined && !patch.scopes.includes('admin')
      const ends = typeof patch.expiresAt === 'number'
      if ((losesAdmin || ends) && isLastAdmin(organizationId, id, now)) return 'last admin'
      return db.update(apiKeys).set(patch).where(own(organizationId, id)).returning(columns).get()
    },
    rotate(organizationId, id, newHash, previousExpiresAt) {
      const before = previousExpiresAt === null ? { previousHash: null } : { previousHash: sql`${hash}` }
      const values = { hash: newHash, ...before, previousExpiresAt }
      const rotated = db.update(apiKeys).set(values).where(own(organizationId, id)).returning(columns).get()
      if (rotated && previousExpiresAt === null) endSessions(id)
      return rotated
    },
    remove(organizationId, id, now) {
      if (isLastAdmin(organizationId, id, now)) return 'last admin'
      if (db.delete(apiKeys).where(own(organizationId, id)).run().changes === 0) return false
      endSessions(id)
      return true
    },
    touch: (id, now) => void db.update(apiKeys).set({ lastUsedAt: now }).where(eq(apiKeys.id, id)).run(),
  }
}
