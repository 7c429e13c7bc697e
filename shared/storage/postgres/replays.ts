import { and, asc, count, desc, eq, getTableColumns, gte, lt, sql, type SQL } from 'drizzle-orm'
import { eventFields } from '../../contracts/api/fields.ts'
import { checkFilter } from '../query.ts'
import type { NewDelivery, OpenDelivery, Replay, ReplayStore } from '../storage.ts'
import { inTransaction, type Db, type Executor } from './database.ts'
import { eventColumns } from './event-log.ts'
import { whereOf } from './filter.ts'
import { insertDeliveries } from './new-deliveries.ts'
import { replays } from './replay-schema.ts'
import { events, webhooks } from './schema.ts'

const { lastReceivedAt: _at, lastEventId: _id, ...shown } = getTableColumns(replays)
const own = (organizationId: string, id: string) => and(eq(replays.organizationId, organizationId), eq(replays.id, id))
const isRunning = eq(replays.state, 'running')

/** Along the index of events by the time of their acceptance. */
function lookedAt(replay: Pick<Replay, 'organizationId' | 'since' | 'until' | 'filter'>): SQL | undefined {
  const { organizationId, since, until, filter } = replay
  const matches = whereOf(eventColumns, filter ? checkFilter(eventFields, filter) : undefined)
  return and(eq(events.organizationId, organizationId), gte(events.receivedAt, since), lt(events.receivedAt, until), matches)
}

export function create(db: Db): ReplayStore {
  const newest = [desc(replays.createdAt), desc(replays.id)]
  const find = async (organizationId: string, id: string): Promise<Replay | undefined> =>
    (await db.select(shown).from(replays).where(own(organizationId, id)))[0]
  return {
    find,
    async count(replay) {
      const [found] = await db.select({ events: count() }).from(events).where(lookedAt(replay))
      return found?.events ?? 0
    },
    async latest(organizationId, webhookId) {
      const ofWebhook = and(eq(replays.organizationId, organizationId), eq(replays.webhookId, webhookId))
      const [found] = await db
        .select(shown)
        .from(replays)
        .where(ofWebhook)
        .orderBy(...newest)
        .limit(1)
      return found
    },
    list: (organizationId, { limit }) =>
      db
        .select(shown)
        .from(replays)
        .where(eq(replays.organizationId, organizationId))
        .orderBy(...newest)
        .limit(limit),
    running: () => db.select(shown).from(replays).where(isRunning).orderBy(asc(replays.createdAt)),
    async next(id, limit) {
      const [replay] = await db.select().from(replays).where(eq(replays.id, id))
      if (!replay) return []
      const { webhookId, lastReceivedAt, lastEventId } = replay
      const beyond =
        lastReceivedAt === null ? undefined : sql`(${events.receivedAt}, ${events.id}) > (${lastReceivedAt}::bigint, ${lastEventId})`
      const made = sql<boolean>`exists (select 1 from deliveries d where d.event_id = events.id and d.webhook_id = ${webhookId})`
      const { envelope, receivedAt, fannedOutAt, matched } = events
      return db
        .select({ envelope, receivedAt, fannedOutAt, matched, delivered: made })
        .from(events)
        .where(and(lookedAt(replay), beyond))
        .orderBy(asc(events.receivedAt), asc(events.id))
        .limit(limit)
    },
    async create(replay, now) {
      const state = replay.events > 0 ? ('running' as const) : ('finished' as const)
      const row = { ...replay, state, reason: null, examined: 0, deliveries: 0, createdAt: now, updatedAt: now }
      await db.insert(replays).values(row)
      return row
    },
    async stop(organizationId, id, now, reason) {
      const [stopped] = await db
        .update(replays)
        .set({ state: 'stopped', updatedAt: now, reason: reason ?? null })
        .where(and(own(organizationId, id), isRunning))
        .returning(shown)
      return stopped ?? find(organizationId, id)
    },
    advance: (id, step, now) => inTransaction(db, (tx) => advance(tx, id, step, now)),
  }
}

type Step = Parameters<ReplayStore['advance']>[1]

async function advance(tx: Executor, id: string, { deliveries: list, examined, last }: Step, now: number): Promise<OpenDelivery[]> {
  const [replay] = await tx
    .select(shown)
    .from(replays)
    .where(and(eq(replays.id, id), isRunning))
    .for('update')
  if (!replay) return []
  const [webhook] = await tx.select({ retry: webhooks.retry }).from(webhooks).where(eq(webhooks.id, replay.webhookId))
  const made = webhook ? await make(tx, list, now) : []
  const position = last ? { lastReceivedAt: last.receivedAt, lastEventId: last.envelope.id } : { state: 'finished' as const }
  const progress = { examined: replay.examined + examined, deliveries: replay.deliveries + made.length, updatedAt: now }
  await tx
    .update(replays)
    .set({ ...progress, ...position })
    .where(eq(replays.id, id))
  const retry = webhook?.retry as OpenDelivery['retry']
  return made.map((delivery) => ({ ...delivery, generation: 0, step: 0, nextAttemptAt: now, retry }))
}

/** Counted at their events too: the ledger holds as many deliveries against them as webhooks have matched. */
async function make(tx: Executor, list: NewDelivery[], now: number): Promise<NewDelivery[]> {
  if (list.length === 0) return []
  const inserted = new Set((await insertDeliveries(tx, list, now)).map(({ id }) => id))
  const fresh = list.filter(({ id }) => inserted.has(id))
  const eventIds = fresh.map(({ eventId }) => eventId)
  await tx
    .update(events)
    .set({ matched: sql`coalesce(${events.matched}, 0) + 1` })
    .where(sql`${events.id} = any(${sql.param(eventIds)})`)
  return fresh
}
