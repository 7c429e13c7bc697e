import { and, asc, desc, eq, gt, inArray, lt, lte, ne, or, sql } from 'drizzle-orm'
import type { NewPartial, PartialIdentity, PartialStore } from '../storage.ts'
import { partials } from './collect-schema.ts'
import type { Db } from './database.ts'
import type { Sync } from './stores.ts'

type Row = typeof partials.$inferSelect
const isWaiting = (id: string) => and(eq(partials.id, id), eq(partials.state, 'waiting'))

export function reads(db: Db): Pick<Sync<PartialStore>, 'load' | 'list' | 'due'> {
  const byId = db
    .select()
    .from(partials)
    .where(eq(partials.id, sql.placeholder('id')))
    .prepare()

  return {
    load: (id) => byId.get({ id }),
    list(organizationId, source, { state, limit, after }) {
      // Ids are made in the order of time (UUIDv7), so that the id is the cursor.
      const rows = db
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
        .all()
      const page = rows.slice(0, limit)
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
        .all()
    },
  }
}

export function writes(db: Db): Pick<Sync<PartialStore>, 'receive' | 'postpone' | 'end' | 'retry' | 'forget'> {
  const twinOf = ({ organizationId, source, dedupKey }: NewPartial): Row | undefined =>
    dedupKey === null
      ? undefined
      : db
          .select()
          .from(partials)
          .where(and(eq(partials.organizationId, organizationId), eq(partials.source, source), eq(partials.dedupKey, dedupKey)))
          .get()

  function insert(partial: NewPartial): { id: string; duplicate: boolean } {
    const raw = Buffer.from(partial.raw.buffer, partial.raw.byteOffset, partial.raw.byteLength)
    const { receivedAt } = partial
    db.insert(partials)
      .values({ ...partial, raw, updatedAt: receivedAt, nextAttemptAt: receivedAt, state: 'waiting' })
      .run()
    return { id: partial.id, duplicate: false }
  }

  function receiveOne(partial: NewPartial, identity: PartialIdentity): { id: string; duplicate: boolean } {
    const twin = twinOf(partial)
    if (!twin) return insert(partial)
    if (identity !== 'content') return { id: twin.id, duplicate: true }
    if (twin.state === 'waiting') {
      // The lookup may be under way, and its answer older than this: who ends it compares the time, and looks once more.
      const receivedAt = Math.max(partial.receivedAt, twin.receivedAt + 1)
      db.update(partials).set({ receivedAt, updatedAt: partial.receivedAt }).where(eq(partials.id, twin.id)).run()
      return { id: twin.id, duplicate: true }
    }
    db.update(partials).set({ dedupKey: null }).where(eq(partials.id, twin.id)).run()
    return insert(partial)
  }

  return {
    receive(list, identity) {
      const bodies = new Map<string, string>()
      // Where the id alone counts, a copy may well have other bytes: a count of attempts, other white space.
      for (const [index, partial] of identity === 'bytes' ? list.entries() : []) {
        const { dedupKey, bodyHash } = partial
        if (dedupKey === null) continue
        const known = bodies.get(dedupKey) ?? twinOf(partial)?.bodyHash
        if (known !== undefined && known !== bodyHash) return { kind: 'conflict', index }
        bodies.set(dedupKey, bodyHash)
      }
      return { kind: 'received', partials: list.map((partial) => receiveOne(partial, identity)) }
    },
    postpone(id, { attempts, statusCode, reason, nextAttemptAt }, now) {
      db.update(partials).set({ attempts, lastStatusCode: statusCode, reason, nextAttemptAt, updatedAt: now }).where(isWaiting(id)).run()
    },
    end(id, receivedAt, { state, attempts, statusCode, reason }, now) {
      return (
        db
          .update(partials)
          .set({ state, attempts, lastStatusCode: statusCode, reason, nextAttemptAt: null, updatedAt: now })
          .where(and(isWaiting(id), eq(partials.receivedAt, receivedAt)))
          .run().changes === 1
      )
    },
    retry(organizationId, source, id, now) {
      const row = db
        .select()
        .from(partials)
        .where(and(eq(partials.id, id), eq(partials.organizationId, organizationId), eq(partials.source, source)))
        .get()
      if (!row) return undefined
      if (row.state !== 'failed') return 'open'
      const again = { state: 'waiting', attempts: 0, nextAttemptAt: now, updatedAt: now } as const
      return db.update(partials).set(again).where(eq(partials.id, id)).returning().get()
    },
    forget({ ended, failed }, limit) {
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
      return db
        .delete(partials)
        .where(and(ne(partials.state, 'waiting'), inArray(partials.id, old)))
        .run().changes
    },
  }
}
