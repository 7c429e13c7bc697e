import { and, asc, count, eq, getTableColumns, gt, isNull, or, sql } from 'drizzle-orm'
import type { KeyStore } from '../storage.ts'
import type { Db } from './database.ts'
import { sessions } from './guard-schema.ts'
import { apiKeys, organizations } from './schema.ts'
import type { Sync } from './stores.ts'

const { hash: _, previousHash: _previous, previousExpiresAt: _until, ...columns } = getTableColumns(apiKeys)
export const keyColumns = columns

export function reads(db: Db): Pick<Sync<KeyStore>, 'findByHash' | 'list' | 'count'> {
  const valid = or(isNull(apiKeys.expiresAt), gt(apiKeys.expiresAt, sql.placeholder('now')))
  const byHash = db
    .select(columns)
    .from(apiKeys)
    .where(and(eq(apiKeys.hash, sql.placeholder('hash')), valid))
    .prepare()

  return {
    findByHash: (hash, now) => byHash.get({ hash, now }),
    list: (organizationId) =>
      db.select(columns).from(apiKeys).where(eq(apiKeys.organizationId, organizationId)).orderBy(asc(apiKeys.id)).all(),
    count: () => db.select({ keys: count() }).from(apiKeys).get()?.keys ?? 0,
  }
}

export function writes(db: Db): Pick<Sync<KeyStore>, 'create' | 'remove' | 'touch'> {
  return {
    create(key, hash) {
      db.insert(organizations).values({ id: key.organizationId, createdAt: key.createdAt }).onConflictDoNothing().run()
      return (
        db
          .insert(apiKeys)
          .values({ ...key, hash })
          .onConflictDoNothing()
          .run().changes === 1
      )
    },
    remove(organizationId, id) {
      const own = and(eq(apiKeys.organizationId, organizationId), eq(apiKeys.id, id))
      if (db.delete(apiKeys).where(own).run().changes === 0) return false
      db.delete(sessions).where(eq(sessions.keyId, id)).run()
      return true
    },
    touch: (id, now) => void db.update(apiKeys).set({ lastUsedAt: now }).where(eq(apiKeys.id, id)).run(),
  }
}
