import { and, asc, eq, gt, inArray, isNull, lte, ne, or, sql } from 'drizzle-orm'
import type { Collected, CollectStore, Scan, ViewChange } from '../storage.ts'
import { collected, partials, scans } from './collect-schema.ts'
import type { Db } from './database.ts'
import * as events from './events.ts'
import type { Sync } from './stores.ts'

const { entityId, seq, hash, deleted, entity, updatedAt } = collected
const columns = { entityId, seq, hash, deleted, entity, updatedAt }
const ofView = (organizationId: string, source: string) => and(eq(collected.organizationId, organizationId), eq(collected.source, source))
const ofScan = (organizationId: string, source: string, id: string) =>
  and(eq(scans.organizationId, organizationId), eq(scans.source, source), eq(scans.id, id))

/** Fewer than the variables that one statement may have. */
const idsAtOnce = 500
const inChunks = <T, R>(list: T[], read: (chunk: T[]) => R[]): R[] =>
  Array.from({ length: Math.ceil(list.length / idsAtOnce) }, (_, i) => read(list.slice(i * idsAtOnce, (i + 1) * idsAtOnce))).flat()

const lastSeq = (db: Db, organizationId: string, source: string): number =>
  db
    .select({ seq: sql<number>`coalesce(max(${seq}), 0)` })
    .from(collected)
    .where(ofView(organizationId, source))
    .get()?.seq ?? 0

const findScan = (db: Db, organizationId: string, source: string, id: string): Scan | undefined =>
  db
    .select()
    .from(scans)
    .where(ofScan(organizationId, source, id))
    .get()

export function reads(db: Db): Pick<Sync<CollectStore>, 'current' | 'page' | 'extent' | 'scan' | 'missing'> {
  const select = () => db.select(columns).from(collected)

  return {
    current: (organizationId, source, ids) =>
      inChunks(ids, (chunk) =>
        select()
          .where(and(ofView(organizationId, source), inArray(entityId, chunk)))
          .all(),
      ),
    page: (organizationId, source, { since, limit }): Collected[] =>
      select()
        .where(and(ofView(organizationId, source), gt(seq, since)))
        .orderBy(asc(seq))
        .limit(limit)
        .all(),
    extent(organizationId, source) {
      const live = db
        .select({ count: sql<number>`count(*)` })
        .from(collected)
        .where(and(ofView(organizationId, source), eq(deleted, false)))
        .get()
      return { seq: lastSeq(db, organizationId, source), live: live?.count ?? 0 }
    },
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
        .limit(limit)
        .all(),
  }
}

export function writes(db: Db): Pick<Sync<CollectStore>, 'apply'> {
  const log = events.writes(db)
  const p = sql.placeholder
  const seqOf = db
    .select({ seq })
    .from(collected)
    .where(and(eq(collected.organizationId, p('organizationId')), eq(collected.source, p('source')), eq(entityId, p('entityId'))))
    .prepare()
  const put = db.$client.prepare(
    `INSERT INTO collected (organization_id, source, entity_id, seq, hash, deleted, entity, updated_at, scan_id)
     VALUES (@organizationId, @source, @entityId, @seq, @hash, @deleted, @entity, @now, @scanId)
     ON CONFLICT (organization_id, source, entity_id) DO UPDATE SET seq = excluded.seq, hash = excluded.hash,
       deleted = excluded.deleted, entity = excluded.entity, updated_at = excluded.updated_at,
       scan_id = coalesce(excluded.scan_id, scan_id)`,
  )
  const see = db.$client.prepare('UPDATE collected SET scan_id = ? WHERE organization_id = ? AND source = ? AND entity_id = ?')

  function isStale({ organizationId, source, expected, scan, partial }: ViewChange): boolean {
    if (expected.some((one) => (seqOf.get({ organizationId, source, entityId: one.entityId })?.seq ?? null) !== one.seq)) return true
    if (scan) {
      const known = findScan(db, organizationId, source, scan.id)
      const isAsExpected = scan.expects === null ? known === undefined : known?.state === 'running' && known.lastRequestId === scan.expects
      if (!isAsExpected) return true
    }
    return partial !== null && !isOpen(partial)
  }

  const isOpen = ({ id, receivedAt }: NonNullable<ViewChange['partial']>): boolean =>
    db
      .select({ id: partials.id })
      .from(partials)
      .where(and(eq(partials.id, id), eq(partials.state, 'waiting'), eq(partials.receivedAt, receivedAt)))
      .get() !== undefined

  function changeView({ organizationId, source, versions, seen, scanId }: ViewChange, now: number): void {
    let next = versions.length > 0 ? lastSeq(db, organizationId, source) : 0
    for (const version of versions)
      put.run({ ...version, deleted: version.deleted ? 1 : 0, seq: ++next, organizationId, source, now, scanId })
    if (scanId !== null) for (const id of seen) see.run(scanId, organizationId, source, id)
  }

  function putScan({ organizationId, source, scan }: ViewChange, now: number): void {
    if (!scan) return
    const { expects, ...row } = scan
    if (expects === null) {
      const running = and(eq(scans.organizationId, organizationId), eq(scans.source, source), eq(scans.state, 'running'))
      db.update(scans).set({ state: 'broken', updatedAt: now }).where(running).run()
    }
    db.insert(scans)
      .values({ ...row, organizationId, source, updatedAt: now })
      .onConflictDoUpdate({ target: [scans.organizationId, scans.source, scans.id], set: { ...row, updatedAt: now } })
      .run()
  }

  function endPartial({ partial }: ViewChange, eventId: string | null, now: number): void {
    if (!partial) return
    const { id, attempts, statusCode, reason } = partial
    db.update(partials)
      .set({ state: 'accepted', eventId, attempts, lastStatusCode: statusCode, reason, nextAttemptAt: null, updatedAt: now })
      .where(eq(partials.id, id))
      .run()
  }

  return {
    apply(change, { events: list, idempotency, now }) {
      if (isStale(change)) return { kind: 'stale' }
      const result = log.accept({ events: list, organizationId: change.organizationId, idempotency, now })
      if (result.kind === 'conflict') return result
      // A request that is repeated under its key was carried out before, and what came after it must stay.
      if (idempotency === undefined || list.length === 0 || result.events.some(({ duplicate }) => !duplicate)) changeView(change, now)
      putScan(change, now)
      endPartial(change, result.events[0]?.id ?? null, now)
      return result
    },
  }
}
