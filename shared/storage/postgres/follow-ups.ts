import { and, eq, isNull, sql, type SQLWrapper } from 'drizzle-orm'
import { deliveryId } from '../../id.ts'
import { laneOf } from '../../lane.ts'
import { ownEvent, ownSource, type OwnType } from '../../own-event.ts'
import type { DeliveryCause, NewDelivery, NewEvent, OpenDelivery } from '../storage.ts'
import type { Executor } from './database.ts'
import { insertEvents } from './events.ts'
import { insertDeliveries } from './new-deliveries.ts'
import type { Ended } from './record-rows.ts'
import { events, subscriptions, webhooks } from './schema.ts'

type What = { ended: Ended[]; disabled: { webhookId: string; reason: string }[] }
type Follower = Ended & { to: string[]; label: string | null }

const among = (column: SQLWrapper, ids: Iterable<string>) => sql`${column} = any(${sql.param([...new Set(ids)])})`

/**
 * What the end of a delivery brings about, in the transaction that records it: deliveries of the same event to the webhooks
 * that its webhook triggers, or to the one that takes over, and events of Tidings' own. Rows first, as everywhere: a
 * job that is not made afterwards is made by the reconciler. Each of it happens once, however often the outcome is told.
 */
export async function followUps(tx: Executor, { ended, disabled }: What, now: number): Promise<OpenDelivery[]> {
  const ids = [...ended.map(({ entry }) => entry.webhookId), ...disabled.map(({ webhookId }) => webhookId)]
  if (ids.length === 0) return []
  const { id, organizationId, label, triggers, fallback } = webhooks
  const rows = await tx.select({ id, organizationId, label, triggers, fallback }).from(webhooks).where(among(id, ids))
  const relations = new Map(rows.map((row) => [row.id, row]))
  const followed = ended.flatMap(({ entry, delivery }): Follower[] => {
    const webhook = relations.get(entry.webhookId)
    if (!webhook) return []
    const isFailure = entry.state === 'failed'
    const to = !isFailure ? webhook.triggers : webhook.fallback ? [webhook.fallback] : []
    return isFailure || to.length > 0 ? [{ entry, delivery, to, label: webhook.label }] : []
  })
  const known = await eventsOf(tx, followed)
  const opened = await deliverOn(tx, followed, known, now)
  const switchedOff = disabled.flatMap(({ webhookId, reason }) => {
    const webhook = relations.get(webhookId)
    return webhook ? tellOf('webhook.disabled', webhook.organizationId, webhook, { webhook_id: webhookId, reason }, now) : []
  })
  const failures = followed.filter(({ entry }) => entry.state === 'failed')
  // One that is about a delivery of such an event would never end.
  const failed = failures.flatMap((one) => (known.get(one.delivery.eventId)?.source === ownSource ? [] : failureOf(one, now)))
  await insertEvents(tx, await onlyWanted(tx, [...failed.filter(({ event }) => known.has(event)).map(({ told }) => told), ...switchedOff]))
  return opened
}

type Known = Map<string, Pick<typeof events.$inferSelect, 'id' | 'source' | 'envelope'>>

async function eventsOf(tx: Executor, followed: Follower[]): Promise<Known> {
  if (followed.length === 0) return new Map()
  const { id, source, envelope } = events
  const ids = followed.map(({ delivery }) => delivery.eventId)
  const rows = await tx.select({ id, source, envelope }).from(events).where(among(id, ids))
  return new Map(rows.map((row) => [row.id, row]))
}

async function deliverOn(tx: Executor, followed: Follower[], known: Known, now: number): Promise<OpenDelivery[]> {
  const wanted = followed.flatMap(({ to }) => to)
  if (wanted.length === 0) return []
  const { id, organizationId, order, retry, active, removedAt } = webhooks
  const rows = await tx
    .select({ id, organizationId, order, retry })
    .from(webhooks)
    .where(and(among(id, wanted), eq(active, true), isNull(removedAt)))
  const targets = new Map(rows.map((row) => [row.id, row]))
  const list = followed.flatMap(({ entry, delivery, to }) => {
    const event = known.get(delivery.eventId)
    const cause: DeliveryCause = { kind: entry.state === 'failed' ? 'fallback' : 'trigger', webhookId: entry.webhookId }
    return to.flatMap((webhookId): NewDelivery[] => {
      const target = targets.get(webhookId)
      if (!event || target?.organizationId !== delivery.organizationId) return []
      const { organizationId: owner, eventId, eventType, acceptedAt } = delivery
      const lane = laneOf(event.envelope, webhookId, target.order)
      const of = { organizationId: owner, eventId, webhookId, eventType, acceptedAt }
      return [{ id: deliveryId(eventId, webhookId), ...of, subscriptionIds: [], batchId: null, lane, cause }]
    })
  })
  // two that lead to the same webhook make one delivery, of the first
  const byId = new Map(list.toReversed().map((one) => [one.id, one]))
  const made = new Set((await insertDeliveries(tx, [...byId.values()], now)).map((one) => one.id))
  return [...byId.values()].toReversed().flatMap((one) => {
    const policy = targets.get(one.webhookId)?.retry
    if (!made.has(one.id) || !policy) return []
    const { id: own, organizationId: owner, eventId, webhookId, lane } = one
    return [
      {
        id: own,
        organizationId: owner,
        eventId,
        webhookId,
        generation: 0,
        step: 0,
        nextAttemptAt: now,
        batchId: null,
        lane,
        retry: policy,
      },
    ]
  })
}

function failureOf({ entry, delivery, label }: Follower, now: number) {
  const { id, eventId, eventType, attempts, organizationId } = delivery
  const { webhookId, result, decision } = entry
  const about = { delivery_id: id, webhook_id: webhookId, event_id: eventId, event_type: eventType, attempts }
  const why = { outcome: result.outcome, status_code: result.statusCode ?? null, error: result.error ?? null, decision }
  return [{ event: eventId, told: tellOf('delivery.failed', organizationId, { id: webhookId, label }, { ...about, ...why }, now) }]
}

const tellOf = (
  type: OwnType,
  organizationId: string,
  { id, label }: { id: string; label: string | null },
  data: Record<string, unknown>,
  now: number,
): NewEvent => ownEvent({ type, organizationId, webhook: { id, label }, data, now })

/** Nobody hears of what nobody asked for: events of Tidings' own are made where one may match. */
async function onlyWanted(tx: Executor, list: NewEvent[]): Promise<NewEvent[]> {
  if (list.length === 0) return []
  const patterns = (type: string) => [type, `${type.split('.')[0]}.*`, `*.${type.split('.').at(-1)}`]
  const { organizationId, eventType, deletedAt } = subscriptions
  const rows = await tx
    .selectDistinct({ organizationId, eventType })
    .from(subscriptions)
    .where(
      and(
        among(
          organizationId,
          list.map(({ envelope }) => envelope.organizationId),
        ),
        among(
          eventType,
          list.flatMap(({ envelope }) => patterns(envelope.type)),
        ),
        isNull(deletedAt),
      ),
    )
  const asked = new Set(rows.map((row) => `${row.organizationId} ${row.eventType}`))
  return list.filter(({ envelope }) => patterns(envelope.type).some((pattern) => asked.has(`${envelope.organizationId} ${pattern}`)))
}
