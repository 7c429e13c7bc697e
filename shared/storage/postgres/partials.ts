import { and, asc, desc, eq, gt, inArray, lt, lte, ne, or, sql } from 'drizzle-orm'
import type { NewPartial, PartialEvent, PartialStore } from '../storage.ts'
import { partials } from './collect-schema.ts'
import { inTransaction, type Db } from './database.ts'
import { receive } from './partials-receive.ts'

const isWaiting = (id: string) => and(eq(partials.id, id), eq(partials.state, 'waiting'))

/** The driver's own kind of bytes stays here. */
const given = ({ raw, ...row }: typeof partials.$inferSelect): PartialEvent => ({
  ...row,
  raw: new Uint8Array(raw.buffer, raw.byteOffset, raw.byteLength),
})

export function create(db: Db): PartialStore {
  return {
    receive: (list: NewPartial[], identity) => receive(db, list, identity),
    async load(id) {
      const [found] = await db.select().from(partials).where(eq(partials.id, id))
      return found && given(found)
    },
    async list(organizationId, source, { state, limit, after }) {
      // Ids are made in the order of time (UUIDv7), so that the id is the cursor.
      const rows = await db
        .select()
        .from(partials)
        .where(
          and(
            eq(partials.organizationId, organizationId),
            eq(partials.source, source),
            state && eq(partials.state, state),
            after === undefined ? undefined : lt(partials.id, after),
          ),
        )
        .orderBy(desc(partials.id))
        .limit(limit + 1)
      const page = rows.slice(0, limit).map(given)
      return { rows: page, nextCursor: rows.length > limit ? (page.at(-1)?.id ?? null) : null }
    },
    due(before, limit, after) {
      const next = partials.nextAttemptAt
      const beyond = after && or(gt(next, after.nextAttemptAt), and(eq(next, after.nextAttemptAt), gt(partials.id, after.id)))
      const { id, attempts, organizationId, source } = partials
      return db
        .select({ id, attempts, organizationId, source, nextAttemptAt: sql<number>`${next}` })
        .from(partials)
        .where(and(eq(partials.state, 'waiting'), lte(next, before), beyond))
        .orderBy(asc(next), asc(partials.id))
        .limit(limit)
    },
    async postpone(id, { attempts, statusCode, reason, nextAttemptAt }, now) {
      await db.update(partials).set({ attempts, lastStatusCode: statusCode, reason, nextAttemptAt, updatedAt: now }).where(isWaiting(id))
    },
    async end(id, receivedAt, { state, attempts, statusCode, reason }, now) {
      const { rowCount } = await db
        .update(partials)
        .set({ state, attempts, lastStatusCode: statusCode, reason, nextAttemptAt: null, updatedAt: now })
        .where(and(isWaiting(id), eq(partials.receivedAt, receivedAt)))
      return rowCount === 1
    },
    retry: (organizationId, source, id, now) =>
      inTransaction(db, async (tx) => {
        const own = and(eq(partials.id, id), eq(partials.organizationId, organizationId), eq(partials.source, source))
        const [row] = await tx.select({ state: partials.state }).from(partials).where(own).for('update')
        if (!row) return undefined
        if (row.state !== 'failed') return 'open'
        const again = { state: 'waiting', attempts: 0, nextAttemptAt: now, updatedAt: now } as const
        const [waiting] = await tx.update(partials).set(again).where(eq(partials.id, id)).returning()
        return waiting && given(waiting)
      }),
    async forget({ ended, failed }, limit) {
      const old = db
        .select({ id: partials.id })
        .from(partials)
        .where(
          or(
            and(inArray(partials.state, ['accepted', 'discarded']), lt(partials.receivedAt, ended)),
            and(eq(partials.state, 'failed'), lt(partials.receivedAt, failed)),
          ),
        )
        .limit(limit)
      const { rowCount } = await db.delete(partials).where(and(ne(partials.state, 'waiting'), inArray(partials.id, old)))
      return rowCount ?? 0
    },
  }
}
