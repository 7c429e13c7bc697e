import type { OutcomeEntry } from '../../contracts/delivery.ts'
import type { Envelope } from '../../contracts/event.ts'
import type { RetryPolicy } from '../../contracts/retry.ts'
import { deliveryId } from '../../id.ts'
import { laneOf } from '../../lane.ts'
import { ownEvent, ownSource, type OwnType } from '../../own-event.ts'
import type { DeliveryCause, OpenDelivery, Webhook } from '../storage.ts'
import type { Db } from './database.ts'
import { eventInsert } from './events.ts'

type Finished = Extract<OutcomeEntry, { kind: 'finished' }>
type Ended = {
  organizationId: string
  eventId: string
  eventType: string
  acceptedAt: number
  attempts: number
  source: string
  envelope: string
}
type Relations = { organizationId: string; label: string | null; triggers: string; fallback: string | null }

/**
 * What the end of a delivery brings about, in the transaction that records it: deliveries of the same event to the webhooks
 * that its webhook triggers, or to the one that takes over, and events of Tidings' own. Rows first, as everywhere: a
 * job that is not made afterwards is made by the reconciler. Each of it happens once, however often the outcome is told.
 */
export function followUps(db: Db): {
  /** What webhooks are to one another is read once in a batch. */
  begin(): void
  after(entry: Finished, now: number): OpenDelivery[]
  disabled(webhookId: string, reason: string, now: number): void
} {
  const prepare = <T>(text: string) => db.$client.prepare<unknown[], T>(text)
  const relationsOf = prepare<Relations>('SELECT organization_id AS organizationId, label, triggers, fallback FROM webhooks WHERE id = ?')
  const known = new Map<string, Relations | undefined>()
  const relations = (webhookId: string): Relations | undefined => {
    if (!known.has(webhookId)) known.set(webhookId, relationsOf.get(webhookId))
    return known.get(webhookId)
  }
  const ended = prepare<Ended>(`
    SELECT d.organization_id AS organizationId, d.event_id AS eventId, d.event_type AS eventType, d.accepted_at AS acceptedAt, d.attempts, e.source, e.envelope
    FROM deliveries d JOIN events e ON e.id = d.event_id WHERE d.id = ?`)
  const target = prepare<{ order: Webhook['order']; retry: string }>(
    'SELECT "order", retry FROM webhooks WHERE id = ? AND organization_id = ? AND active = 1 AND removed_at IS NULL',
  )
  const insert = db.$client.prepare(`
    INSERT INTO deliveries (id, organization_id, event_id, webhook_id, event_type, subscription_ids, accepted_at, state, generation, attempts, step,
      created_at, updated_at, next_attempt_at, lane, cause)
    VALUES (@id, @organizationId, @eventId, @webhookId, @eventType, '[]', @acceptedAt, 'pending', 0, 0, 0, @now, @now, @now, @lane, @cause)
    ON CONFLICT DO NOTHING`)
  const wanted = prepare<{ one: 1 }>(`
    SELECT 1 AS one FROM subscriptions
    WHERE organization_id = ? AND deleted_at IS NULL AND event_type IN (?, ?, ?) LIMIT 1`)
  const insertEvent = eventInsert(db)

  function deliverTo(webhookId: string, event: Ended, cause: DeliveryCause, now: number): OpenDelivery[] {
    const webhook = target.get(webhookId, event.organizationId)
    if (!webhook) return []
    const { organizationId, eventId, eventType, acceptedAt } = event
    const id = deliveryId(eventId, webhookId)
    const lane = laneOf(JSON.parse(event.envelope) as Envelope, webhookId, webhook.order)
    const row = { id, organizationId, eventId, webhookId, eventType, acceptedAt, now, lane, cause: JSON.stringify(cause) }
    if (insert.run(row).changes === 0) return []
    const retry = JSON.parse(webhook.retry) as RetryPolicy
    return [{ id, organizationId, eventId, webhookId, generation: 0, step: 0, nextAttemptAt: now, batchId: null, lane, retry }]
  }

  /** Nobody hears of what nobody asked for: events of Tidings' own are made where one may match. */
  function tell(
    type: OwnType,
    organizationId: string,
    webhook: { id: string; label: string | null },
    data: Record<string, unknown>,
    now: number,
  ) {
    const [first, last] = type.split('.')
    if (wanted.get(organizationId, type, `${first}.*`, `*.${last}`)) insertEvent(ownEvent({ type, organizationId, webhook, data, now }))
  }

  return {
    begin: () => known.clear(),
    after(entry, now) {
      const { webhookId, deliveryId: id, state, result } = entry
      const webhook = relations(webhookId)
      const isFailure = state === 'failed'
      const next = !webhook ? [] : isFailure ? (webhook.fallback ? [webhook.fallback] : []) : (JSON.parse(webhook.triggers) as string[])
      if (!webhook || (next.length === 0 && !isFailure)) return []
      const event = ended.get(id)
      if (!event) return []
      const cause: DeliveryCause = { kind: isFailure ? 'fallback' : 'trigger', webhookId }
      const opened = next.flatMap((other) => deliverTo(other, event, cause, now))
      // One that is about a delivery of such an event would never end.
      if (isFailure && event.source !== ownSource) {
        const { eventId, eventType, attempts } = event
        const about = { delivery_id: id, webhook_id: webhookId, event_id: eventId, event_type: eventType, attempts }
        const why = {
          outcome: result.outcome,
          status_code: result.statusCode ?? null,
          error: result.error ?? null,
          decision: entry.decision,
        }
        tell('delivery.failed', event.organizationId, { id: webhookId, label: webhook.label }, { ...about, ...why }, now)
      }
      return opened
    },
    disabled(webhookId, reason, now) {
      const webhook = relations(webhookId)
      if (!webhook) return
      tell('webhook.disabled', webhook.organizationId, { id: webhookId, label: webhook.label }, { webhook_id: webhookId, reason }, now)
    },
  }
}
