import type { NewDelivery } from '../storage.ts'
import type { Db } from './database.ts'

/** @returns whether it is new */
export function deliveryInsert(db: Db): (delivery: NewDelivery, now: number) => boolean {
  const insert = db.$client.prepare(`
    INSERT INTO deliveries (id, organization_id, event_id, webhook_id, event_type, subscription_ids, batch_id, lane, cause, accepted_at, state,
      generation, attempts, step, created_at, updated_at, next_attempt_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'pending', 0, 0, 0, ?, ?, ?) ON CONFLICT DO NOTHING`)
  return ({ id, organizationId, eventId, webhookId, eventType, subscriptionIds, batchId, lane, cause, acceptedAt }, now) => {
    const ids = [id, organizationId, eventId, webhookId, eventType, JSON.stringify(subscriptionIds), batchId, lane]
    return insert.run(...ids, cause && JSON.stringify(cause), acceptedAt, now, now, now).changes === 1
  }
}
