import type { Delivery, NewDelivery, Storage } from '../../shared/storage/storage.ts'
import { aNewEvent, aWebhook, fast, someTime } from './builders.ts'
import { aDelivery, aStart, anEnd } from './outcomes.ts'

type Ending = 'pending' | 'succeeded' | 'failed'

/** A webhook that is stored; its id. */
export async function storeWebhook(
  storage: Storage,
  organizationId: string,
  members: Parameters<typeof aWebhook>[0] = {},
): Promise<string> {
  const webhook = aWebhook({ organizationId, retry: fast(1), ...members })
  await storage.webhooks.create(webhook)
  return webhook.id
}

/** A delivery of an event of its own, brought to where the test wants it. */
export async function storeDelivery(
  storage: Storage,
  organizationId: string,
  webhookId: string,
  ending: Ending,
  at = someTime,
  members: Parameters<typeof aNewEvent>[0] = {},
): Promise<NewDelivery> {
  const event = aNewEvent({ organizationId, ...members }, at)
  const delivery = { ...aDelivery(event.envelope.id, webhookId), organizationId, acceptedAt: at, eventType: event.envelope.type }
  await storage.events.accept({ events: [event], organizationId, now: at })
  await storage.deliveries.create([delivery], at)
  await storage.events.markFannedOut([{ id: event.envelope.id, matched: 1 }], at)
  if (ending === 'pending') return delivery
  const start = aStart(delivery, { at })
  const end = ending === 'succeeded' ? anEnd(start, 200) : anEnd(start, 500, { state: 'failed', nextAttemptAt: null })
  await storage.deliveries.record([start, end], at + 5)
  return delivery
}

export const stateOf = async (storage: Storage, organizationId: string, id: string): Promise<Delivery | undefined> =>
  (await storage.deliveries.find(organizationId, id))?.delivery
