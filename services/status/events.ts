import type { z } from 'zod'
import type { Event, EventSummary, Match } from '../../shared/contracts/api/event.ts'
import { explainMatch } from '../../shared/match.ts'
import type { ApiKey, DeliveryRow, RawEvent, StoredEvent } from '../../shared/storage/storage.ts'
import type { StatusDeps } from './deps.ts'
import { notFound } from './refuse.ts'
import { deliveryOf, iso, isoOrNull, subscriptionOf, urlFor } from './shape.ts'

type Match = z.infer<typeof Match>

/** What one answer may hold of the deliveries and of the subscriptions of an event. */
const maxShown = 1_000
/** Replays of an event that are looked into: each may have been for another webhook. */
const maxTimes = 20

/** An event, what came of it, and why it went where it went and nowhere else. */
export async function showEvent(id: string, key: ApiKey, { storage }: Pick<StatusDeps, 'storage'>): Promise<Event> {
  const event = await storage.events.find(key.organizationId, id)
  if (!event) throw notFound('event', id)
  const [found, inForce] = await Promise.all([
    storage.deliveries.ofEvent(key.organizationId, id, { limit: maxShown + 1 }),
    event.envelope.to ? [] : storage.subscriptions.inForceAt(key.organizationId, event.receivedAt),
  ])
  const deliveries = found.slice(0, maxShown)
  return {
    ...envelopeOf(event),
    deliveries: {
      data: deliveries.map((delivery) => deliveryOf(delivery, key)),
      meta: { next_cursor: null, has_more: found.length > maxShown },
    },
    matches: explain(event, [...inForce, ...(await subscribedLater(key.organizationId, inForce, deliveries, storage))], found, key),
  }
}

type InForce = Awaited<ReturnType<StatusDeps['storage']['subscriptions']['inForceAt']>>

/** What a replay goes by are the subscriptions of its own time: those that were made after the event, and brought it all the same. */
async function subscribedLater(
  organizationId: string,
  inForce: InForce,
  deliveries: DeliveryRow[],
  { subscriptions }: Pick<StatusDeps['storage'], 'subscriptions'>,
): Promise<InForce> {
  const known = new Set(inForce.map(({ subscription }) => subscription.id))
  const later = deliveries.filter(({ subscriptionIds }) => subscriptionIds.some((id) => !known.has(id)))
  const wanted = new Set(later.flatMap(({ subscriptionIds }) => subscriptionIds).filter((id) => !known.has(id)))
  const times = [...new Set(later.map(({ createdAt }) => createdAt))].slice(0, maxTimes)
  const found = (await Promise.all(times.map((at) => subscriptions.inForceAt(organizationId, at)))).flat()
  return [...new Map(found.filter(({ subscription }) => wanted.has(subscription.id)).map((one) => [one.subscription.id, one])).values()]
}

function explain(event: RawEvent, inForce: InForce, deliveries: DeliveryRow[], key: ApiKey): Match[] {
  const byWebhook = new Map(deliveries.map((delivery) => [delivery.webhookId, delivery.id]))
  const all = inForce.map(({ subscription, webhookLabel, webhookUrl, webhookActive }): Match => {
    const verdict = explainMatch(event.envelope, subscription)
    const deliveryId = (verdict.matched && byWebhook.get(subscription.webhookId)) || null
    return {
      subscription: subscriptionOf(subscription),
      webhook: { id: subscription.webhookId, label: webhookLabel, url: urlFor(key, webhookUrl), active: webhookActive },
      matched: verdict.matched,
      clause: verdict.matched ? null : verdict.clause,
      reason:
        verdict.matched && !deliveryId && deliveries.length <= maxShown ? `${verdict.reason}; ${whyNoDelivery(event)}` : verdict.reason,
      delivery_id: deliveryId,
    }
  })
  return [...all.filter((match) => match.matched), ...all.filter((match) => !match.matched)].slice(0, maxShown)
}

export const summaryOf = ({ envelope, receivedAt, fannedOutAt, matched }: Omit<StoredEvent, 'data'>): EventSummary => ({
  id: envelope.id,
  source: envelope.source,
  type: envelope.type,
  time: envelope.time,
  received_at: iso(receivedAt),
  fanned_out_at: isoOrNull(fannedOutAt),
  matched,
  subject: envelope.subject ?? null,
  actor: envelope.actor ?? null,
  entity: envelope.entity ?? null,
})

const whyNoDelivery = (event: RawEvent) =>
  event.fannedOutAt === null ? 'its delivery is not made yet' : 'but its webhook was not active then, so nothing was sent'

const envelopeOf = ({
  envelope,
  data,
  raw,
  headers,
  receivedAt,
  fannedOutAt,
  matched,
}: RawEvent): Omit<Event, 'deliveries' | 'matches'> => ({
  id: envelope.id,
  source: envelope.source,
  source_event_id: envelope.sourceEventId ?? null,
  type: envelope.type,
  time: envelope.time,
  received_at: iso(receivedAt),
  fanned_out_at: isoOrNull(fannedOutAt),
  matched,
  subject: envelope.subject ?? null,
  actor: envelope.actor ?? null,
  entity: envelope.entity ?? null,
  change: envelope.change ?? null,
  cloudevent: envelope.cloudevent ?? null,
  to: envelope.to ?? null,
  data: data === '' ? null : JSON.parse(data),
  headers,
  raw: Buffer.from(raw).toString('base64'),
})
