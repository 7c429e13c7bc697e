import { and, asc, count, desc, eq, getTableColumns, gte, inArray, lt, sql, type SQL } from 'drizzle-orm'
import { deliveryFields, type DeliveryField } from '../../contracts/api/fields.ts'
import { DeliveryState, openStates } from '../../contracts/delivery.ts'
import { checkFilter, checkQuery, type CheckedCondition, type CheckedFilter, type CheckedQuery, type CheckedValue } from '../query.ts'
import type { DeliveryRow, DeliveryStore, Page } from '../storage.ts'
import type { Db } from './database.ts'
import { beyond, orderOf, pageOf, sortKeys, whereOf, type Columns } from './filter.ts'
import { countWithin, newest, pageWithin, walk, type Path } from './patience.ts'
import { attempts, deliveries, events, webhooks } from './schema.ts'
import type { Sync } from './stores.ts'

/** Read out of the envelope: nothing of a source's event is stored twice. */
export const ofEvent = (path: string): SQL<string | null> => sql<string | null>`json_extract(${events.envelope}, ${sql.raw(`'$.${path}'`)})`

/** What the log of deliveries can be filtered and sorted by. */
export const deliveryColumns: Columns<DeliveryField> = {
  id: deliveries.id,
  webhook_id: deliveries.webhookId,
  event_id: deliveries.eventId,
  event_type: deliveries.eventType,
  status: deliveries.state,
  attempts: deliveries.attempts,
  generation: deliveries.generation,
  created_at: deliveries.createdAt,
  updated_at: deliveries.updatedAt,
  accepted_at: deliveries.acceptedAt,
  delivered_at: deliveries.deliveredAt,
  next_attempt_at: deliveries.nextAttemptAt,
  last_attempt_at: deliveries.lastAttemptAt,
  last_outcome: deliveries.lastOutcome,
  last_status_code: deliveries.lastStatusCode,
  last_error: deliveries.lastError,
  reason: deliveries.reason,
  source: events.source,
  subject: ofEvent('subject'),
  entity_type: ofEvent('entity.type'),
  entity_id: ofEvent('entity.id'),
  entity_name: ofEvent('entity.name'),
  payload: sql`cast(${events.raw} as text)`,
  response: sql`(select group_concat(${attempts.responseBody}, char(10)) from ${attempts} where ${attempts.deliveryId} = ${deliveries.id})`,
}

const row = {
  ...getTableColumns(deliveries),
  source: sql<string>`coalesce(${events.source}, '')`,
  subject: ofEvent('subject'),
  entityType: ofEvent('entity.type'),
  entityId: ofEvent('entity.id'),
  entityName: ofEvent('entity.name'),
  webhookLabel: webhooks.label,
  webhookUrl: sql<string>`coalesce(${webhooks.url}, '')`,
}

export function reads(db: Db): Pick<Sync<DeliveryStore>, 'find' | 'ofEvent' | 'filter' | 'count' | 'tally'> {
  const oneRow = sql.placeholder('id')
  const byId = rows(db).where(eq(deliveries.id, oneRow)).prepare()
  const attemptsOf = db.select().from(attempts).where(eq(attempts.deliveryId, oneRow)).orderBy(asc(attempts.number)).prepare()

  return {
    find(organizationId, id) {
      const delivery = byId.get({ id })
      return delivery?.organizationId === organizationId ? { delivery, attempts: attemptsOf.all({ id }) } : undefined
    },
    ofEvent(organizationId, eventId, { limit }): DeliveryRow[] {
      const own = and(eq(deliveries.eventId, eventId), eq(deliveries.organizationId, organizationId))
      return rows(db).where(own).orderBy(desc(deliveries.createdAt), desc(deliveries.id)).limit(limit).all()
    },
    filter(organizationId, request) {
      const query = checkQuery(deliveryFields, request)
      const { patienceMs } = request
      return db.transaction(() =>
        withRows(
          db,
          patienceMs === undefined
            ? pageOf(query, found(db, organizationId, query))
            : pageWithin(query, walk(db, { ...query, path: pathOf(organizationId, query.filter), patienceMs }), (piece) =>
                found(db, organizationId, query, piece),
              ),
        ),
      )
    },
    count(organizationId, filter, bounds = {}) {
      const checked = filter && checkFilter(deliveryFields, filter)
      return db.transaction(() =>
        countWithin(
          bounds,
          walk(db, { sort: newest, path: pathOf(organizationId, checked), patienceMs: bounds.patienceMs }),
          (piece, atMost) => counted(db, organizationId, checked, piece, atMost),
        ),
      )
    },
    tally: (organizationId, range) => ({ ...tallyEvents(db, organizationId, range), ...tallyDeliveries(db, organizationId, range) }),
  }
}

const rows = (db: Db) =>
  db
    .select(row)
    .from(deliveries)
    .leftJoin(events, eq(events.id, deliveries.eventId))
    .leftJoin(webhooks, eq(webhooks.id, deliveries.webhookId))

/** Ids and sort values alone: what SQLite may have to sort stays small, and an index may hold all there is to know. */
function found(db: Db, organizationId: string, query: CheckedQuery, piece?: SQL) {
  const keys = sortKeys(deliveryColumns, query.sort)
  const all = db.select({ row: deliveries.id, keys }).from(deliveries).$dynamic()
  const looks = looksAtEvent(query.filter) || query.sort.some(({ field }) => ofEvents.includes(field))
  return (looks ? all.leftJoin(events, eq(events.id, deliveries.eventId)) : all)
    .where(
      and(
        pathOf(organizationId, query.filter).organization,
        whereOf(deliveryColumns, query.filter),
        beyond(deliveryColumns, query.sort, query.after),
        piece,
      ),
    )
    .orderBy(...orderOf(deliveryColumns, query.sort))
    .limit(query.limit + 1)
    .all()
}

/** Written out and not as parameters, so that SQLite sees that a partial index holds these rows. */
const isFailed = sql`${deliveries.state} in ('failed', 'cancelled')`
const failedStates: CheckedValue[] = ['failed', 'cancelled'] satisfies DeliveryState[]
const isOfFailed = ({ field, op, value }: CheckedCondition): boolean =>
  field === 'status' && (op === 'eq' || op === 'in') && [value].flat().every((state) => failedStates.includes(state))

/** Fields that leave few rows, and have an index of their own; and those by which the log is in order within theirs. */
const few = ['id', 'event_id']
const along = ['webhook_id', 'status', 'created_at']

/**
 * SQLite takes the index of the organization for its order, although another holds a handful of rows; with a plus
 * before the column it cannot.
 */
export function pathOf(organizationId: string, filter: CheckedFilter | undefined): Path {
  const parts = filter === undefined ? [] : 'and' in filter ? filter.and : [filter]
  const conditions = parts.flatMap((part): CheckedCondition[] => ('field' in part && part.op !== 'like' ? [part] : []))
  const ends = conditions.some(({ field, op }) => few.includes(field) && (op === 'eq' || op === 'in'))
  const narrow = conditions.filter(({ field, op, value }) =>
    field === 'created_at'
      ? op !== 'ne' && op !== 'is_null'
      : along.includes(field) && (op === 'eq' || (op === 'in' && value.length === 1)),
  )
  const ofWebhook = narrow.some(({ field }) => field === 'webhook_id')
  const failed = ofWebhook && conditions.some(isOfFailed)
  const organization =
    ends || ofWebhook ? sql`+${deliveries.organizationId} = ${organizationId}` : eq(deliveries.organizationId, organizationId)
  // what the index does not have would have to be read, however many rows that takes
  const within = ofWebhook ? narrow.filter(({ field }) => field !== 'status') : narrow
  return {
    organization: failed ? sql`${organization} and ${isFailed}` : organization,
    where: within.length > 0 ? whereOf(deliveryColumns, { and: within }) : undefined,
    ends,
  }
}

function counted(db: Db, organizationId: string, filter: CheckedFilter | undefined, piece: SQL | undefined, atMost: number): number {
  const within = and(pathOf(organizationId, filter).organization, whereOf(deliveryColumns, filter), piece)
  const matching = matchingDeliveries(db, filter).where(within).limit(atMost).as('matching')
  return db.select({ deliveries: count() }).from(matching).get()?.deliveries ?? 0
}

/** One each, to be counted. Without the events where the filter looks at none: an index then holds all there is to know. */
export function matchingDeliveries(db: Db, filter: CheckedFilter | undefined) {
  const all = db.select({ one: sql`1` }).from(deliveries).$dynamic()
  return looksAtEvent(filter) ? all.leftJoin(events, eq(events.id, deliveries.eventId)) : all
}

const ofEvents: readonly string[] = ['source', 'subject', 'entity_type', 'entity_id', 'entity_name', 'payload'] satisfies DeliveryField[]

function looksAtEvent(filter: CheckedFilter | undefined): boolean {
  if (!filter) return false
  return 'field' in filter ? ofEvents.includes(filter.field) : ('and' in filter ? filter.and : filter.or).some(looksAtEvent)
}

function withRows(db: Db, page: Page<string>): Page<DeliveryRow> {
  const byId = new Map(
    rows(db)
      .where(inArray(deliveries.id, page.rows))
      .all()
      .map((delivery) => [delivery.id, delivery]),
  )
  return { rows: page.rows.map((id) => byId.get(id) as DeliveryRow), nextCursor: page.nextCursor }
}

type Range = { from: number; to: number }

function tallyEvents(db: Db, organizationId: string, { from, to }: Range) {
  const total = (condition: SQL) => sql<number>`coalesce(sum(${condition}), 0)`
  const sums = {
    events: count(),
    matched: total(sql`${events.matched} > 0`),
    matchedNothing: total(sql`${events.matched} = 0`),
    notFannedOut: total(sql`${events.fannedOutAt} is null`),
  }
  const within = and(eq(events.organizationId, organizationId), gte(events.receivedAt, from), lt(events.receivedAt, to))
  return db.select(sums).from(events).where(within).get() ?? { events: 0, matched: 0, matchedNothing: 0, notFannedOut: 0 }
}

function tallyDeliveries(db: Db, organizationId: string, { from, to }: Range) {
  // No delivery is made before its event is accepted, and creation is what the index knows.
  const within = and(
    eq(deliveries.organizationId, organizationId),
    gte(deliveries.createdAt, from),
    gte(deliveries.acceptedAt, from),
    lt(deliveries.acceptedAt, to),
  )
  const byState = db
    .select({ state: deliveries.state, deliveries: count(), attempts: sql<number>`sum(${deliveries.attempts})` })
    .from(deliveries)
    .where(within)
    .groupBy(deliveries.state)
    .all()
  const states = Object.fromEntries(DeliveryState.options.map((state) => [state, 0])) as Record<DeliveryState, number>
  for (const group of byState) states[group.state] = group.deliveries
  return { states, attempts: byState.reduce((sum, group) => sum + group.attempts, 0) }
}

/** Columns that open the next generation of a finished delivery. Attempts are numbered on. */
export const nextGeneration = (now: number) => ({
  state: 'pending' as const,
  generation: sql`${deliveries.generation} + 1`,
  step: 0,
  nextAttemptAt: now,
  updatedAt: now,
  reason: null,
})

/** What the job of an opened delivery is made of, apart from its webhook's retry policy. */
export const opened = {
  id: deliveries.id,
  organizationId: deliveries.organizationId,
  eventId: deliveries.eventId,
  webhookId: deliveries.webhookId,
  generation: deliveries.generation,
  step: deliveries.step,
  nextAttemptAt: deliveries.nextAttemptAt,
  batchId: deliveries.batchId,
  lane: deliveries.lane,
}

export function writes(db: Db): Pick<Sync<DeliveryStore>, 'redeliver'> {
  const find = db
    .select({
      organizationId: deliveries.organizationId,
      state: deliveries.state,
      nextAttemptAt: deliveries.nextAttemptAt,
      active: webhooks.active,
      removedAt: webhooks.removedAt,
      retry: webhooks.retry,
    })
    .from(deliveries)
    .leftJoin(webhooks, eq(webhooks.id, deliveries.webhookId))
    .where(eq(deliveries.id, sql.placeholder('id')))
    .prepare()

  return {
    redeliver(organizationId, id, now) {
      const found = find.get({ id })
      if (found?.organizationId !== organizationId) return undefined
      // held, it has no job that could make it a second time
      if (openStates.includes(found.state) && found.nextAttemptAt !== null) return 'open'
      if (!found.active || found.removedAt !== null || !found.retry) return 'gone'
      const delivery = db.update(deliveries).set(nextGeneration(now)).where(eq(deliveries.id, id)).returning(opened).get()
      return { ...delivery, retry: found.retry }
    },
  }
}
