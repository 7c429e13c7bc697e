import { deliveryId } from '../../shared/id.ts'
import { ownEvent } from '../../shared/own-event.ts'
import type { StatusDeps } from './deps.ts'
import { find, inactive } from './webhooks.ts'

/**
 * Sends an event to one webhook, the same way as any other event and in the same log, so that what it shows is what a
 * real one will do. Accepted first: should Redis be away, the relay of ingest finds the event and fans it out.
 */
export async function sendTestEvent(
  organizationId: string,
  webhookId: string,
  deps: StatusDeps,
): Promise<{ eventId: string; deliveryId: string }> {
  const webhook = await find(organizationId, webhookId, deps)
  if (!webhook.active) throw inactive('this webhook')
  const now = deps.clock.now()
  const data = { webhook_id: webhookId, message: 'This is a test. If its signature verifies, your endpoint is ready.' }
  const event = ownEvent({ type: 'webhook.test', organizationId, webhook, data, now, to: webhookId })
  const { id: eventId, type: eventType } = event.envelope
  const id = deliveryId(eventId, webhookId)
  await deps.storage.events.accept({ events: [event], organizationId, now })
  const row = { id, organizationId, eventId, webhookId, eventType, subscriptionIds: [], acceptedAt: now }
  await deps.storage.deliveries.create([{ ...row, batchId: null, lane: null, cause: null }], now)
  try {
    await deps.bodies.put([{ envelope: event.envelope, data: Buffer.from(event.raw).toString() }], [{ eventId, webhookId }])
    await deps.queue.add([{ job: { deliveryId: id, eventId, webhookId, generation: 0, step: 0 }, retry: webhook.retry }])
    await deps.storage.events.markFannedOut([{ id: eventId, matched: 1 }], now)
  } catch (error) {
    // durable already, and not marked: it is late, not lost
    deps.log.warn({ err: error, eventId }, 'test event not queued, left to the relay')
  }
  return { eventId, deliveryId: id }
}
