import { and, eq, getTableColumns, gt, isNull, lte, or, sql } from 'drizzle-orm'
import type { SessionStore } from '../storage.ts'
import type { Db } from './database.ts'
import { sessions } from './guard-schema.ts'
import { keyColumns } from './keys.ts'
import { apiKeys } from './schema.ts'
import type { Sync } from './stores.ts'

/** A session is worth what its key is worth today: none when that is removed or has expired. */
function finder(db: Db) {
  const p = sql.placeholder
  const keyInForce = or(isNull(apiKeys.expiresAt), gt(apiKeys.expiresAt, p('now')))
  return db
    .select({ session: getTableColumns(sessions), key: keyColumns })
    .from(sessions)
    .innerJoin(apiKeys, eq(apiKeys.id, sessions.keyId))
    .where(and(eq(sessions.id, p('id')), eq(sessions.kind, p('kind')), gt(sessions.expiresAt, p('now')), keyInForce))
    .prepare()
}

export function reads(db: Db): Pick<Sync<SessionStore>, 'find'> {
  const find = finder(db)
  return { find: (id, now) => find.get({ id, now, kind: 'session' }) }
}

export function writes(db: Db): Pick<Sync<SessionStore>, 'create' | 'redeem' | 'extend' | 'remove'> {
  const find = finder(db)
  return {
    create(session) {
      db.delete(sessions).where(lte(sessions.expiresAt, session.createdAt)).run()
      db.insert(sessions).values(session).run()
    },
    redeem(linkId, { id, createdAt, expiresAt }) {
      const found = find.get({ id: linkId, now: createdAt, kind: 'link' })
      if (!found) return undefined
      db.delete(sessions).where(eq(sessions.id, linkId)).run()
      const session = { ...found.session, kind: 'session' as const, id, createdAt, expiresAt }
      db.insert(sessions).values(session).run()
      return { session, key: found.key }
    },
    extend: (id, expiresAt) => void db.update(sessions).set({ expiresAt }).where(eq(sessions.id, id)).run(),
    remove: (id) => db.delete(sessions).where(eq(sessions.id, id)).run().changes === 1,
  }
}
