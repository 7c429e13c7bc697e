import { and, asc, eq, isNull, lt, sql } from 'drizzle-orm'
import type { AcceptResult, EventStore, FanOutPlan, NewEvent, RawEvent, StoredEvent } from '../storage.ts'
import type { Db } from './database.ts'
import { deliveryInsert } from './new-deliveries.ts'
import { registryVersion } from './registry.ts'
import type { Sync } from './stores.ts'
import { events, idempotencyKeys } from './schema.ts'

type Row = typeof events.$inferSelect

export function reads(db: Db): Pick<Sync<EventStore>, 'find' | 'load' | 'notFannedOut'> {
  const byId = db
    .select()
    .from(events)
    .where(eq(events.id, sql.placeholder('id')))
    .prepare()
  const waiting = db
    .select()
    .from(events)
    .where(and(isNull(events.fannedOutAt), lt(events.receivedAt, sql.placeholder('before'))))
    .orderBy(asc(events.receivedAt))
    .limit(sql.placeholder('limit'))
    .prepare()

  return {
    find(organizationId, id) {
      const row = byId.get({ id })
      return row?.organizationId === organizationId ? raw(row) : undefined
    },
    load(id) {
      const row = byId.get({ id })
      return row && stored(row)
    },
    notFannedOut: (before, limit) => waiting.all({ before, limit }).map(stored),
  }
}

/** Plain SQL: this and the deliveries' own are the hottest statements of ingest. */
function insertion(db: Db): { run(event: NewEvent): { changes: number } } {
  const insert = db.$client.prepare(`
    INSERT INTO events (id, organization_id, source, dedup_key, body_hash, type, envelope, headers, raw, data_start, data_end, data_text, received_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`)
  return { run: (event) => insert.run(...columns(event)) }
}

/** For events that are made in the course of another write. */
export function eventInsert(db: Db): (event: NewEvent) => void {
  const insert = insertion(db)
  return (event) => void insert.run(event)
}

export function writes(db: Db): Pick<Sync<EventStore>, 'accept' | 'markFannedOut'> {
  const p = sql.placeholder
  const insert = insertion(db)
  const twin = db
    .select({ id: events.id, bodyHash: events.bodyHash })
    .from(events)
    .where(and(eq(events.organizationId, p('organizationId')), eq(events.source, p('source')), eq(events.dedupKey, p('dedupKey'))))
    .prepare()
  const findKey = db
    .select()
    .from(idempotencyKeys)
    .where(and(eq(idempotencyKeys.organizationId, p('organizationId')), eq(idempotencyKeys.key, p('key'))))
    .prepare()
  const insertDelivery = deliveryInsert(db)
  const currentVersion = registryVersion(db)
  const mark = db.$client.prepare('UPDATE events SET fanned_out_at = ?, matched = ? WHERE id = ? AND fanned_out_at IS NULL')

  /** The id it is stored under; a twin with another body is a conflict. */
  function insertOne(event: NewEvent): { id: string; duplicate: boolean } | { conflict: string } {
    if (insert.run(event).changes === 1) return { id: event.envelope.id, duplicate: false }
    const { organizationId, source } = event.envelope
    const known = twin.get({ organizationId, source, dedupKey: event.dedupKey })
    if (!known) throw new Error(`event ${event.envelope.id} was neither stored nor found`)
    return known.bodyHash === event.bodyHash ? { id: known.id, duplicate: true } : { conflict: known.id }
  }

  /** The deliveries of those that are new, unless the registry has changed since they were matched. */
  function open({ version, deliveries }: FanOutPlan, list: NewEvent[], accepted: { duplicate: boolean }[], now: number): boolean {
    if (currentVersion() !== version) return false
    const fresh = new Set(list.flatMap(({ envelope }, i) => (accepted[i]?.duplicate ? [] : envelope.id)))
    for (const delivery of deliveries) if (fresh.has(delivery.eventId)) insertDelivery(delivery, now)
    return true
  }

  return {
    accept({ events: list, plan, organizationId, idempotency, now }): AcceptResult {
      const before = idempotency && findKey.get({ organizationId, key: idempotency.key })
      if (before) {
        if (before.bodyHash !== idempotency.bodyHash) return { kind: 'conflict', index: -1, id: before.eventIds[0] ?? '' }
        return { kind: 'accepted', events: before.eventIds.map((id) => ({ id, duplicate: true })) }
      }
      const conflict = findConflict(list, (event) => twin.get({ organizationId, source: event.envelope.source, dedupKey: event.dedupKey }))
      if (conflict) return conflict
      const accepted = list.map(insertOne)
      // Two of one request with the same id and different bodies: thrown, so that the savepoint takes all back.
      if (accepted.some((one) => 'conflict' in one)) throw new Error('two events of one request have the same id and different bodies')
      const ids = accepted as { id: string; duplicate: boolean }[]
      if (idempotency) {
        const eventIds = ids.map((one) => one.id)
        db.insert(idempotencyKeys)
          .values({ organizationId, key: idempotency.key, bodyHash: idempotency.bodyHash, eventIds, createdAt: now })
          .run()
      }
      return { kind: 'accepted', events: ids, ...(plan && { planned: open(plan, list, ids, now) }) }
    },
    markFannedOut(list, now) {
      for (const { id, matched } of list) mark.run(now, matched, id)
    },
  }
}

/** Looked for before anything is written, so that a refused request leaves no trace. */
function findConflict(list: NewEvent[], find: (event: NewEvent) => { id: string; bodyHash: string } | undefined): AcceptResult | undefined {
  const within = new Map<string, string>()
  for (const [index, event] of list.entries()) {
    if (event.dedupKey === null) continue
    const inRequest = within.get(event.dedupKey)
    if (inRequest !== undefined && inRequest !== event.bodyHash) return { kind: 'conflict', index, id: event.envelope.id }
    within.set(event.dedupKey, event.bodyHash)
    const known = find(event)
    if (known && known.bodyHash !== event.bodyHash) return { kind: 'conflict', index, id: known.id }
  }
  return undefined
}

function columns({ envelope, dedupKey, bodyHash, headers, raw, data, receivedAt }: NewEvent): unknown[] {
  const { id, organizationId, source, type } = envelope
  const [start, end, text] = 'start' in data ? [data.start, data.end, null] : [null, null, data.text]
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength)
  const texts = [JSON.stringify(envelope), JSON.stringify(headers)]
  return [id, organizationId, source, dedupKey, bodyHash, type, ...texts, bytes, start, end, text, receivedAt]
}

const stored = (row: Row): StoredEvent => ({
  envelope: row.envelope,
  data: row.dataText ?? row.raw.toString('utf8', row.dataStart ?? 0, row.dataEnd ?? 0),
  receivedAt: row.receivedAt,
  fannedOutAt: row.fannedOutAt,
  matched: row.matched,
})

const raw = (row: Row): RawEvent => ({ ...stored(row), raw: row.raw, headers: row.headers })
