import { createHash } from 'node:crypto'
import { and, asc, eq, isNull, lt, sql } from 'drizzle-orm'
import type { AcceptResult, EventStore, NewEvent, RawEvent, StoredEvent } from '../storage.ts'
import { clean } from './columns.ts'
import { again, all, rowsOf, type Db, type Executor } from './database.ts'
import { gather } from './gather.ts'
import { events } from './schema.ts'

type Row = typeof events.$inferSelect
type Request = Parameters<EventStore['accept']>[0]

export function create(db: Db): Omit<EventStore, 'filter'> {
  const byId = async (id: string) => (await db.select().from(events).where(eq(events.id, id)))[0]
  const accept = gather((requests: Request[]) => again(() => acceptAll(db, requests)), { atOnce: 2, most: 500 })
  return {
    accept,
    async find(organizationId, id) {
      const row = await byId(id)
      return row?.organizationId === organizationId ? raw(row) : undefined
    },
    async load(id) {
      const row = await byId(id)
      return row && stored(row)
    },
    async notFannedOut(before, limit) {
      const waiting = and(isNull(events.fannedOutAt), lt(events.receivedAt, before))
      return (await db.select().from(events).where(waiting).orderBy(asc(events.receivedAt)).limit(limit)).map(stored)
    },
    async markFannedOut(list, now) {
      if (list.length === 0) return
      await again(() =>
        db.execute(sql`
          update events set fanned_out_at = ${now}, matched = r.matched from ${rowsOf(list, 'id text, matched integer')}
          where events.id = r.id and fanned_out_at is null`),
      )
    },
  }
}

/** For events that are made in the course of another write, and are never sent again. */
export async function insertEvents(db: Executor, list: NewEvent[]): Promise<void> {
  if (list.length > 0) await insert(db, list, [])
}

/** In the transaction of another write. */
export async function acceptIn(tx: Executor, request: Request): Promise<AcceptResult> {
  const [result] = await acceptAll(tx, [request])
  return result as AcceptResult
}

/**
 * Requests that arrived together: a look at what is known, and one statement that stores all the rest, or nothing. A key
 * that another process puts there in between makes it fail, and then all of it is done again.
 */
async function acceptAll(db: Executor, requests: Request[]): Promise<AcceptResult[]> {
  const known = await lookUp(db, requests)
  const fresh: NewEvent[] = []
  const keys: IdempotencyRow[] = []
  const results = requests.map(({ events: list, organizationId, idempotency, now }): AcceptResult => {
    const before = idempotency && known.requests.get(pairOf(organizationId, idempotency.key))
    if (before) {
      if (before.bodyHash !== idempotency.bodyHash) return { kind: 'conflict', index: -1, id: before.eventIds[0] ?? '' }
      return { kind: 'accepted', events: before.eventIds.map((id) => ({ id, duplicate: true })) }
    }
    const conflict = findConflict(list, known.events)
    if (conflict) return conflict
    const accepted = list.map((event) => {
      const key = keyOf(event)
      const twin = key !== undefined && known.events.get(key)
      if (twin) return { id: twin.id, duplicate: true }
      fresh.push(event)
      if (key !== undefined) known.events.set(key, { id: event.envelope.id, bodyHash: event.bodyHash })
      return { id: event.envelope.id, duplicate: false }
    })
    if (idempotency) {
      const eventIds = accepted.map(({ id }) => id)
      known.requests.set(pairOf(organizationId, idempotency.key), { bodyHash: idempotency.bodyHash, eventIds })
      keys.push({
        organization_id: organizationId,
        key: idempotency.key,
        body_hash: idempotency.bodyHash,
        event_ids: JSON.stringify(eventIds),
        created_at: now,
      })
    }
    return { kind: 'accepted', events: accepted }
  })
  if (fresh.length > 0 || keys.length > 0) await insert(db, fresh, keys)
  return results
}

type Twin = { id: string; bodyHash: string }
type Known = { events: Map<string, Twin>; requests: Map<string, { bodyHash: string; eventIds: string[] }> }
type IdempotencyRow = { organization_id: string; key: string; body_hash: string; event_ids: string; created_at: number }

const pairOf = (...parts: string[]) => JSON.stringify(parts)
/** As it is stored: an index takes no text of any length. */
export const storedKey = (key: string): string => (key.length > 500 ? createHash('sha256').update(key).digest('hex') : clean(key))
const keyOf = ({ envelope, dedupKey }: NewEvent) =>
  dedupKey === null ? undefined : pairOf(envelope.organizationId, envelope.source, storedKey(dedupKey))

async function lookUp(db: Executor, requests: Request[]): Promise<Known> {
  const keyed = requests
    .flatMap((request) => request.events)
    .flatMap(({ envelope: { organizationId: o, source: s }, dedupKey }) => (dedupKey === null ? [] : { o, s, k: storedKey(dedupKey) }))
  const twins =
    keyed.length === 0
      ? []
      : await all<Twin & { o: string; s: string; k: string }>(
          db,
          sql`select r.o, r.s, r.k, e.event_id as id, e.body_hash as "bodyHash" from ${rowsOf(keyed, 'o text, s text, k text')}
            join event_keys e on e.organization_id = r.o and e.source = r.s and e.dedup_key = r.k`,
        )
  const repeatable = requests.flatMap(({ organizationId, idempotency }) => (idempotency ? [{ o: organizationId, k: idempotency.key }] : []))
  const before =
    repeatable.length === 0
      ? []
      : await all<{ o: string; k: string; bodyHash: string; ids: string }>(
          db,
          sql`select r.o, r.k, i.body_hash as "bodyHash", i.event_ids as ids from ${rowsOf(repeatable, 'o text, k text')}
            join idempotency_keys i on i.organization_id = r.o and i.key = r.k`,
        )
  return {
    events: new Map(twins.map(({ o, s, k, id, bodyHash }) => [pairOf(o, s, k), { id, bodyHash }])),
    requests: new Map(before.map(({ o, k, bodyHash, ids }) => [pairOf(o, k), { bodyHash, eventIds: JSON.parse(ids) as string[] }])),
  }
}

/** Looked for before anything is written, so that a refused request leaves no trace. */
function findConflict(list: NewEvent[], known: Map<string, Twin>): AcceptResult | undefined {
  const within = new Map<string, string>()
  for (const [index, event] of list.entries()) {
    const key = keyOf(event)
    if (key === undefined) continue
    const inRequest = within.get(key)
    if (inRequest !== undefined && inRequest !== event.bodyHash) return { kind: 'conflict', index, id: event.envelope.id }
    within.set(key, event.bodyHash)
    const twin = known.get(key)
    if (twin && twin.bodyHash !== event.bodyHash) return { kind: 'conflict', index, id: twin.id }
  }
  return undefined
}

const eventColumns = `id text, organization_id text, source text, dedup_key text, body_hash text, type text, envelope text, headers text,
  raw_start integer, raw_length integer, data_start integer, data_end integer, data_text text, received_at bigint,
  subject text, entity_type text, entity_id text, entity_name text`

/** The bodies go over in one piece, of which each row takes its own. */
async function insert(db: Executor, list: NewEvent[], keys: IdempotencyRow[]): Promise<void> {
  const bodies = Buffer.concat(list.map(({ raw: body }) => body))
  let start = 1
  const rows = list.map((event) => {
    const row = { ...columns(event), raw_start: start, raw_length: event.raw.byteLength }
    start += event.raw.byteLength
    return row
  })
  // in the order of the keys: two processes that store the same ones then wait for each other, and not crosswise
  await db.execute(sql`
    with incoming as materialized (select * from ${rowsOf(rows, eventColumns)}),
    keyed as (
      insert into event_keys (organization_id, source, dedup_key, event_id, body_hash)
      select organization_id, source, dedup_key, id, body_hash from incoming where dedup_key is not null order by 1, 2, 3),
    noted as (
      insert into idempotency_keys (organization_id, key, body_hash, event_ids, created_at)
      select organization_id, key, body_hash, event_ids::json, created_at
      from ${rowsOf(keys, 'organization_id text, key text, body_hash text, event_ids text, created_at bigint')} order by 1, 2)
    insert into events (id, organization_id, source, type, envelope, headers, raw, data_start, data_end, data_text,
      received_at, subject, entity_type, entity_id, entity_name)
    select id, organization_id, source, type, envelope::json, headers::json,
      substring(${bodies}::bytea from raw_start for raw_length), data_start, data_end, data_text,
      received_at, subject, entity_type, entity_id, entity_name from incoming`)
}

function columns(event: NewEvent) {
  const { envelope, data } = event
  const { entity } = envelope
  return {
    id: envelope.id,
    organization_id: envelope.organizationId,
    source: envelope.source,
    dedup_key: event.dedupKey === null ? null : storedKey(event.dedupKey),
    body_hash: event.bodyHash,
    type: envelope.type,
    envelope: JSON.stringify(envelope),
    headers: JSON.stringify(event.headers),
    received_at: event.receivedAt,
    data_start: 'start' in data ? data.start : null,
    data_end: 'start' in data ? data.end : null,
    data_text: 'start' in data ? null : data.text,
    subject: envelope.subject ?? null,
    entity_type: entity?.type ?? null,
    entity_id: entity?.id ?? null,
    entity_name: entity?.name ?? null,
  }
}

const stored = (row: Row): StoredEvent => ({
  envelope: row.envelope,
  data: row.dataText ?? Buffer.from(row.raw.subarray(row.dataStart ?? 0, row.dataEnd ?? 0)).toString(),
  receivedAt: row.receivedAt,
  fannedOutAt: row.fannedOutAt,
  matched: row.matched,
})

const raw = (row: Row): RawEvent => ({ ...stored(row), raw: row.raw, headers: row.headers })
