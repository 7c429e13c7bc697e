import { and, asc, count, desc, eq, getTableColumns, gte, inArray, lt, sql, type SQL } from 'drizzle-orm'
import { deliveryFields, type DeliveryField } from '../../contracts/api/fields.ts'
import { DeliveryState, openStates } from '../../contracts/delivery.ts'
import { checkFilter, checkQuery, type CheckedCondition, type CheckedFilter, type CheckedQuery } from '../query.ts'
import type { DeliveryRow, DeliveryStore, OpenDelivery, Page } from '../storage.ts'
import { atOneMoment, inTransaction, type Db, type Executor } from './database.ts'
import { beyond, orderOf, pageOf, SearchedBytes, sortKeys, whereOf, type Columns } from './filter.ts'
import { countWithin, newest, pageWithin, walk, type Path } from './patience.ts'
import { attempts, deliveries, events, webhooks } from './schema.ts'

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
  subject: events.subject,
  entity_type: events.entityType,
  entity_id: events.entityId,
  entity_name: events.entityName,
  payload: new SearchedBytes(events.raw),
  response: sql`(select string_agg(${attempts.responseBody}, chr(10)) from ${attempts} where ${attempts.deliveryId} = ${deliveries.id})`,
}

const row = {
  ...getTableColumns(deliveries),
  source: sql<string>`coalesce(${events.source}, '')`,
  subject: events.subject,
  entityType: events.entityType,
  entityId: events.entityId,
  entityName: events.entityName,
  webhookLabel: webhooks.label,
  webhookUrl: sql<string>`coalesce(${webhooks.url}, '')`,
}

export function create(db: Db): Pick<DeliveryStore, 'find' | 'ofEvent' | 'filter' | 'count' | 'tally' | 'redeliver'> {
  return {
    async find(organizationId, id) {
      const [delivery] = await rows(db).where(eq(deliveries.id, id))
      if (delivery?.organizationId !== organizationId) return undefined
      return { delivery, attempts: await db.select().from(attempts).where(eq(attempts.deliveryId, id)).orderBy(asc(attempts.number)) }
    },
    ofEvent(organizationId, eventId, { limit }): Promise<DeliveryRow[]> {
      const own = and(eq(deliveries.eventId, eventId), ofTime(eventId), eq(deliveries.organizationId, organizationId))
      return rows(db).where(own).orderBy(desc(deliveries.createdAt), desc(deliveries.id)).limit(limit)
    },
    async filter(organizationId, request) {
      const query = checkQuery(deliveryFields, request)
      const { patienceMs } = request
      return atOneMoment(db, async (tx) => {
        const path = pathOf(organizationId, query.filter)
        const page =
          patienceMs === undefined
            ? pageOf(query, await found(tx, organizationId, query))
            : await pageWithin(query, walk(tx, { ...query, path, patienceMs }), (piece) => found(tx, organizationId, query, piece))
        return withRows(tx, page)
      })
    },
    async count(organizationId, filter, bounds = {}) {
      const checked = filter && checkFilter(deliveryFields, filter)
      const path = pathOf(organizationId, checked)
      return atOneMoment(db, (tx) =>
        countWithin(bounds, walk(tx, { sort: newest, path, patienceMs: bounds.patienceMs }), (piece, atMost) =>
          counted(tx, organizationId, checked, piece, atMost),
        ),
      )
    },
    tally: (organizationId, range) =>
      atOneMoment(db, async (tx) => ({
        ...(await tallyEvents(tx, organizationId, range)),
        ...(await tallyDeliveries(tx, organizationId, range)),
      })),
    redeliver: (organizationId, id, now) => inTransaction(db, (tx) => redeliver(tx, organizationId, id, now)),
  }
}

/** A delivery's id begins with the time of its event's: this leads to one partition. */
export const ofTime = (eventId: string): SQL =>
  sql`${deliveries.id} >= ${eventId.slice(0, 13)} and ${deliveries.id} < ${`${eventId.slice(0, 13)}~`}`

const rows = (db: Executor) =>
  db
    .select(row)
    .from(deliveries)
    .leftJoin(events, eq(events.id, deliveries.eventId))
    .leftJoin(webhooks, eq(webhooks.id, deliveries.webhookId))

/** Fields that are the event's; a join that nobody asks for is left out. */
const ofEvent = new Set(['source', 'subject', 'entity_type', 'entity_id', 'entity_name', 'payload'])
const asks = (filter: CheckedFilter | undefined): boolean =>
  filter !== undefined && ('and' in filter ? filter.and.some(asks) : 'or' in filter ? filter.or.some(asks) : ofEvent.has(filter.field))

/** Ids and sort values alone: what may have to be sorted stays small. */
async function found(db: Executor, organizationId: string, query: CheckedQuery, piece?: SQL) {
  const keys = sortKeys(deliveryColumns, query.sort)
  const select = db.select({ row: deliveries.id, keys }).from(deliveries).$dynamic()
  const joined = asks(query.filter) || query.sort.some(({ field }) => ofEvent.has(field))
  if (joined) select.leftJoin(events, eq(events.id, deliveries.eventId))
  return select
    .where(
      and(
        eq(deliveries.organizationId, organizationId),
        whereOf(deliveryColumns, query.filter),
        beyond(deliveryColumns, query.sort, query.after),
        piece,
      ),
    )
    .orderBy(...orderOf(deliveryColumns, query.sort))
    .limit(query.limit + 1)
}

/** Fields that leave few rows, and have an index of their own; and those by which the log is in order within theirs. */
const few = ['id', 'event_id']
const along = ['webhook_id', 'status', 'created_at']

function pathOf(organizationId: string, filter: CheckedFilter | undefined): Path {
  const parts = filter === undefined ? [] : 'and' in filter ? filter.and : [filter]
  const conditions = parts.flatMap((part): CheckedCondition[] => ('field' in part && part.op !== 'like' ? [part] : []))
  const ends = conditions.some(({ field, op }) => few.includes(field) && (op === 'eq' || op === 'in'))
  const narrow = conditions.filter(({ field, op, value }) =>
    field === 'created_at'
      ? op !== 'ne' && op !== 'is_null'
      : along.includes(field) && (op === 'eq' || (op === 'in' && value.length === 1)),
  )
  return {
    organization: eq(deliveries.organizationId, organizationId),
    where: narrow.length > 0 ? whereOf(deliveryColumns, { and: narrow }) : undefined,
    ends,
  }
}

async function counted(
  db: Executor,
  organizationId: string,
  filter: CheckedFilter | undefined,
  piece: SQL | undefined,
  atMost: number,
): Promise<number> {
  const select = db
    .select({ one: sql`1`.as('one') })
    .from(deliveries)
    .$dynamic()
  if (asks(filter)) select.leftJoin(events, eq(events.id, deliveries.eventId))
  const matching = select
    .where(and(eq(deliveries.organizationId, organizationId), whereOf(deliveryColumns, filter), piece))
    .limit(atMost)
    .as('matching')
  const [row] = await db.select({ deliveries: count() }).from(matching)
  return row?.deliveries ?? 0
}

async function withRows(db: Executor, page: Page<string>): Promise<Page<DeliveryRow>> {
  if (page.rows.length === 0) return { ...page, rows: [] }
  const list = await rows(db).where(inArray(deliveries.id, page.rows))
  const byId = new Map(list.map((delivery) => [delivery.id, delivery]))
  return { rows: page.rows.map((id) => byId.get(id) as DeliveryRow), nextCursor: page.nextCursor }
}

type Range = { from: number; to: number }

async function tallyEvents(db: Executor, organizationId: string, { from, to }: Range) {
  const total = (condition: SQL) => sql<number>`count(*) filter (where ${condition})`
  const sums = {
    events: count(),
    matched: total(sql`${events.matched} > 0`),
    matchedNothing: total(sql`${events.matched} = 0`),
    notFannedOut: total(sql`${events.fannedOutAt} is null`),
  }
  const within = and(eq(events.organizationId, organizationId), gte(events.receivedAt, from), lt(events.receivedAt, to))
  const [sum] = await db.select(sums).from(events).where(within)
  return sum ?? { events: 0, matched: 0, matchedNothing: 0, notFannedOut: 0 }
}

async function tallyDeliveries(db: Executor, organizationId: string, { from, to }: Range) {
  // No delivery is made before its event is accepted, and creation is what the index knows.
  const within = and(
    eq(deliveries.organizationId, organizationId),
    gte(deliveries.createdAt, from),
    gte(deliveries.acceptedAt, from),
    lt(deliveries.acceptedAt, to),
  )
  const byState = await db
    .select({ state: deliveries.state, deliveries: count(), attempts: sql<number>`sum(${deliveries.attempts})` })
    .from(deliveries)
    .where(within)
    .groupBy(deliveries.state)
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

async function redeliver(
  tx: Executor,
  organizationId: string,
  id: string,
  now: number,
): Promise<OpenDelivery | 'gone' | 'open' | undefined> {
  const [found] = await tx
    .select({
      organizationId: deliveries.organizationId,
      state: deliveries.state,
      nextAttemptAt: deliveries.nextAttemptAt,
      webhookId: deliveries.webhookId,
    })
    .from(deliveries)
    .where(eq(deliveries.id, id))
    .for('update')
  if (found?.organizationId !== organizationId) return undefined
  // held, it has no job that could make it a second time
  if (openStates.includes(found.state) && found.nextAttemptAt !== null) return 'open'
  const [webhook] = await tx
    .select({ active: webhooks.active, removedAt: webhooks.removedAt, retry: webhooks.retry })
    .from(webhooks)
    .where(eq(webhooks.id, found.webhookId))
    .for('share')
  if (!webhook?.active || webhook.removedAt !== null) return 'gone'
  const [delivery] = await tx.update(deliveries).set(nextGeneration(now)).where(eq(deliveries.id, id)).returning(opened)
  return delivery && { ...delivery, retry: webhook.retry }
}
