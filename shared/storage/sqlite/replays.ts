import { and, asc, count, desc, eq, getTableColumns, gte, lt, sql, type SQL } from 'drizzle-orm'
import { eventFields } from '../../contracts/api/fields.ts'
import { checkFilter } from '../query.ts'
import type { NewDelivery, OpenDelivery, Replay, ReplayStore } from '../storage.ts'
import type { Db } from './database.ts'
import { writes as deliveryWrites } from './deliveries.ts'
import { eventColumns } from './event-log.ts'
import { whereOf } from './filter.ts'
import { replays } from './replay-schema.ts'
import { deliveries, events, webhooks } from './schema.ts'
import type { Sync } from './stores.ts'

const { lastReceivedAt: _at, lastEventId: _id, ...shown } = getTableColumns(replays)
const own = (organizationId: string, id: string) => and(eq(replays.organizationId, organizationId), eq(replays.id, id))
const isRunning = eq(replays.state, 'running')
const idsIn = (ids: string[]): SQL => sql`(select value from json_each(${JSON.stringify(ids)}))`

/** Along the index of events by the time of their acceptance. */
function lookedAt({
  organizationId,
  since,
  until,
  filter,
}: Pick<Replay, 'organizationId' | 'since' | 'until' | 'filter'>): SQL | undefined {
  const matches = whereOf(eventColumns, filter ? checkFilter(eventFields, filter) : undefined)
  return and(eq(events.organizationId, organizationId), gte(events.receivedAt, since), lt(events.receivedAt, until), matches)
}

export function reads(db: Db): Pick<Sync<ReplayStore>, 'count' | 'find' | 'latest' | 'list' | 'running' | 'next'> {
  const newest = [desc(replays.createdAt), desc(replays.id)]
  return {
    count: (replay) => db.select({ events: count() }).from(events).where(lookedAt(replay)).get()?.events ?? 0,
    find: (organizationId, id) => db.select(shown).from(replays).where(own(organizationId, id)).get(),
    latest: (organizationId, webhookId) =>
      db
        .select(shown)
        .from(replays)
        .where(and(eq(replays.organizationId, organizationId), eq(replays.webhookId, webhookId)))
        .orderBy(...newest)
        .limit(1)
        .get(),
    list: (organizationId, { limit }) =>
      db
        .select(shown)
        .from(replays)
        .where(eq(replays.organizationId, organizationId))
        .orderBy(...newest)
        .limit(limit)
        .all(),
    running: () => db.select(shown).from(replays).where(isRunning).orderBy(asc(replays.createdAt)).all(),
    next(id, limit) {
      const replay = db.select().from(replays).where(eq(replays.id, id)).get()
      if (!replay) return []
      const { webhookId, lastReceivedAt, lastEventId } = replay
      const beyond = lastReceivedAt === null ? undefined : sql`(${events.receivedAt}, ${events.id}) > (${lastReceivedAt}, ${lastEventId})`
      // written out: of one table alone drizzle names columns without it, and both have an id
      const made = sql`exists (select 1 from deliveries d where d.event_id = events.id and d.webhook_id = ${webhookId})`
      return db
        .select({
          envelope: events.envelope,
          receivedAt: events.receivedAt,
          fannedOutAt: events.fannedOutAt,
          matched: events.matched,
          delivered: made.mapWith(Boolean),
        })
        .from(events)
        .where(and(lookedAt(replay), beyond))
        .orderBy(asc(events.receivedAt), asc(events.id))
        .limit(limit)
        .all()
    },
  }
}

export function writes(db: Db): Pick<Sync<ReplayStore>, 'create' | 'stop' | 'advance'> {
  const { create: createDeliveries } = deliveryWrites(db)
  const retryOf = db
    .select({ retry: webhooks.retry })
    .from(webhooks)
    .where(eq(webhooks.id, sql.placeholder('id')))
    .prepare()

  /** Counted at their events too: the ledger holds as many deliveries against them as webhooks have matched. */
  function make(list: NewDelivery[], now: number): NewDelivery[] {
    const ids = idsIn(list.map(({ id }) => id))
    const known = db.select({ id: deliveries.id }).from(deliveries).where(sql`${deliveries.id} in ${ids}`).all()
    const there = new Set(known.map(({ id }) => id))
    const fresh = list.filter(({ id }) => !there.has(id))
    createDeliveries(fresh, now)
    const eventIds = idsIn(fresh.map(({ eventId }) => eventId))
    db.update(events)
      .set({ matched: sql`coalesce(${events.matched}, 0) + 1` })
      .where(sql`${events.id} in ${eventIds}`)
      .run()
    return fresh
  }

  return {
    create(replay, now) {
      const state = replay.events > 0 ? ('running' as const) : ('finished' as const)
      const row = { ...replay, state, reason: null, examined: 0, deliveries: 0, createdAt: now, updatedAt: now }
      return db.insert(replays).values(row).returning(shown).get()
    },
    stop(organizationId, id, now, reason) {
      const stopped = db
        .update(replays)
        .set({ state: 'stopped', updatedAt: now, reason: reason ?? null })
        .where(and(own(organizationId, id), isRunning))
        .returning(shown)
        .get()
      return stopped ?? db.select(shown).from(replays).where(own(organizationId, id)).get()
    },
    advance(id, { deliveries: list, examined, last }, now): OpenDelivery[] {
      const replay = db
        .select(shown)
        .from(replays)
        .where(and(eq(replays.id, id), isRunning))
        .get()
      if (!replay) return []
      const retry = retryOf.get({ id: replay.webhookId })?.retry
      const made = retry ? make(list, now) : []
      db.update(replays)
        .set({
          examined: replay.examined + examined,
          deliveries: replay.deliveries + made.length,
          updatedAt: now,
          ...(last ? { lastReceivedAt: last.receivedAt, lastEventId: last.envelope.id } : { state: 'finished' as const }),
        })
        .where(eq(replays.id, id))
        .run()
      return made.map((delivery) => ({
        ...delivery,
        generation: 0,
        step: 0,
        nextAttemptAt: now,
        retry: retry as OpenDelivery['retry'],
      }))
    },
  }
}
