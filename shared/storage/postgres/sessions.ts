import { and, eq, getTableColumns, gt, isNull, lte, or } from 'drizzle-orm'
import type { Session, SessionStore } from '../storage.ts'
import { inTransaction, type Db, type Executor } from './database.ts'
import { sessions } from './guard-schema.ts'
import { keyColumns } from './keys.ts'
import { apiKeys } from './schema.ts'

/** A session is worth what its key is worth today: none when that is removed or has expired. */
function inForce(db: Executor, id: string, kind: Session['kind'], now: number) {
  const keyInForce = or(isNull(apiKeys.expiresAt), gt(apiKeys.expiresAt, now))
  return db
    .select({ session: getTableColumns(sessions), key: keyColumns })
    .from(sessions)
    .innerJoin(apiKeys, eq(apiKeys.id, sessions.keyId))
    .where(and(eq(sessions.id, id), eq(sessions.kind, kind), gt(sessions.expiresAt, now), keyInForce))
}

export function create(db: Db): SessionStore {
  return {
    create: (session) =>
      inTransaction(db, async (tx) => {
        await tx.delete(sessions).where(lte(sessions.expiresAt, session.createdAt))
        await tx.insert(sessions).values(session)
      }),
    async find(id, now) {
      const [found] = await inForce(db, id, 'session', now)
      return found
    },
    redeem: (linkId, { id, createdAt, expiresAt }) =>
      inTransaction(db, async (tx) => {
        // of two that show one link the second waits here, and finds it used up; a key that is being removed is waited for too
        const [found] = await inForce(tx, linkId, 'link', createdAt).for('update')
        if (!found) return undefined
        await tx.delete(sessions).where(eq(sessions.id, linkId))
        const session = { ...found.session, kind: 'session' as const, id, createdAt, expiresAt }
        await tx.insert(sessions).values(session)
        return { session, key: found.key }
      }),
    async extend(id, expiresAt) {
      await db.update(sessions).set({ expiresAt }).where(eq(sessions.id, id))
    },
    async remove(id) {
      const { rowCount } = await db.delete(sessions).where(eq(sessions.id, id))
      return rowCount === 1
    },
  }
}
