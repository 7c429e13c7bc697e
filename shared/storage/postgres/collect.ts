import { and, asc, eq, gt, isNull, lte, ne, or, sql } from 'drizzle-orm'
import type { CollectStore, Scan, ViewChange } from '../storage.ts'
import { among } from './among.ts'
import { collected, partials, scans } from './collect-schema.ts'
import { inTransaction, rowsOf, type Db, type Executor } from './database.ts'
import { acceptIn } from './events.ts'
import { hold } from './locks.ts'

const { entityId, seq, hash, deleted, entity, updatedAt } = collected
const columns = { entityId, seq, hash, deleted, entity, updatedAt }
const ofView = (organizationId: string, source: string) => and(eq(collected.organizationId, organizationId), eq(collected.source, source))

async function extentOf(db: Executor, organizationId: string, source: string) {
  const figures = { seq: sql<number>`coalesce(max(${seq}), 0)`, live: sql<number>`count(*) filter (where not ${deleted})` }
  const [found] = await db.select(figures).from(collected).where(ofView(organizationId, source))
  return found ?? { seq: 0, live: 0 }
}

async function lastSeq(db: Executor, organizationId: string, source: string): Promise<number> {
  const [last] = await db
    .select({ seq: sql<number>`coalesce(max(${seq}), 0)` })
    .from(collected)
    .where(ofView(organizationId, source))
  return last?.seq ?? 0
}

async function findScan(db: Executor, organizationId: string, source: string, id: string): Promise<Scan | undefined> {
  const [found] = await db
    .select()
    .from(scans)
    .where(and(eq(scans.organizationId, organizationId), eq(scans.source, source), eq(scans.id, id)))
  return found
}

async function isStale(tx: Executor, { organizationId, source, expected, scan, partial }: ViewChange): Promise<boolean> {
  if (expected.length > 0) {
    const ids = expected.map((one) => one.entityId)
    const there = await tx
      .select({ entityId, seq })
      .from(collected)
      .where(and(ofView(organizationId, source), among(entityId, ids)))
    const seqs = new Map(there.map((one) => [one.entityId, one.seq]))
    if (expected.some((one) => (seqs.get(one.entityId) ?? null) !== one.seq)) return true
  }
  if (scan) {
    const known = await findScan(tx, organizationId, source, scan.id)
    const isAsExpected = scan.expects === null ? known === undefined : known?.state === 'running' && known.lastRequestId === scan.expects
    if (!isAsExpected) return true
  }
  return partial !== null && !(await isOpen(tx, partial))
}

/** Held until the end, so that nobody else ends it, or sends it again, in between. */
async function isOpen(tx: Executor, { id, receivedAt }: NonNullable<ViewChange['partial']>): Promise<boolean> {
  const open = and(eq(partials.id, id), eq(partials.state, 'waiting'), eq(partials.receivedAt, receivedAt))
  return (await tx.select({ id: partials.id }).from(partials).where(open).for('update')).length === 1
}

async function changeView(tx: Executor, { organizationId, source, versions, seen, scanId }: ViewChange, now: number): Promise<void> {
  if (versions.length > 0) {
    const first = (await lastSeq(tx, organizationId, source)) + 1
    // of two versions of one entity the last is the one
    const rows = [...new Map(versions.map((version, i) => [version.entityId, { ...version, seq: first + i }])).values()]
    await tx.execute(sql`
      insert into collected (organization_id, source, entity_id, seq, hash, deleted, entity, updated_at, scan_id)
      select ${organizationId}, ${source}, "entityId", seq, hash, deleted, entity, ${now}, ${scanId}
      from ${rowsOf(rows, '"entityId" text, seq bigint, hash text, deleted boolean, entity text')}
      on conflict (organization_id, source, entity_id) do update set seq = excluded.seq, hash = excluded.hash,
        deleted = excluded.deleted, entity = excluded.entity, updated_at = excluded.updated_at,
        scan_id = coalesce(excluded.scan_id, collected.scan_id)`)
  }
  if (scanId !== null && seen.length > 0)
    await tx
      .update(collected)
      .set({ scanId })
      .where(and(ofView(organizationId, source), among(entityId, seen)))
}

async function putScan(tx: Executor, { organizationId, source, scan }: ViewChange, now: number): Promise<void> {
  if (!scan) return
  const { expects, ...row } = scan
  if (expects === null) {
    const running = and(eq(scans.organizationId, organizationId), eq(scans.source, source), eq(scans.state, 'running'))
    await tx.update(scans).set({ state: 'broken', updatedAt: now }).where(running)
  }
  await tx
    .insert(scans)
    .values({ ...row, organizationId, source, updatedAt: now })
    .onConflictDoUpdate({ target: [scans.organizationId, scans.source, scans.id], set: { ...row, updatedAt: now } })
}

async function endPartial(tx: Executor, { partial }: ViewChange, eventId: string | null, now: number): Promise<void> {
  if (!partial) return
  const { id, attempts, statusCode, reason } = partial
  const ended = { state: 'accepted', eventId, attempts, lastStatusCode: statusCode, reason, nextAttemptAt: null, updatedAt: now } as const
  await tx.update(partials).set(ended).where(eq(partials.id, id))
}

export function create(db: Db): CollectStore {
  const select = () => db.select(columns).from(collected)

  return {
    current: async (organizationId, source, ids) =>
      ids.length === 0 ? [] : select().where(and(ofView(organizationId, source), among(entityId, ids))),
    page: (organizationId, source, { since, limit }) =>
      select()
        .where(and(ofView(organizationId, source), gt(seq, since)))
        .orderBy(asc(seq))
        .limit(limit),
    extent: (organizationId, source) => extentOf(db, organizationId, source),
    scan: (organizationId, source, id) => findScan(db, organizationId, source, id),
    missing: (organizationId, source, { id, startSeq }, { limit, after = '' }) =>
      select()
        .where(
          and(
            ofView(organizationId, source),
            gt(entityId, after),
            eq(deleted, false),
            lte(seq, startSeq),
            or(isNull(collected.scanId), ne(collected.scanId, id)),
          ),
        )
        .orderBy(asc(entityId))
        .limit(limit),
    apply: (change, { events: list, idempotency, now }) =>
      inTransaction(db, async (tx) => {
        const { organizationId, source } = change
        // one change of a view at a time: what is compared here stays so until it is written, and no cursor is given twice
        await hold(tx, 'collect view', organizationId, source)
        if (await isStale(tx, change)) return { kind: 'stale' }
        const result = await acceptIn(tx, { events: list, organizationId, idempotency, now })
        if (result.kind === 'conflict') return result
        // A request that is repeated under its key was carried out before, and what came after it must stay.
        if (idempotency === undefined || list.length === 0 || result.events.some(({ duplicate }) => !duplicate))
          await changeView(tx, change, now)
        await putScan(tx, change, now)
        await endPartial(tx, change, result.events[0]?.id ?? null, now)
        return result
      }),
  }
}
