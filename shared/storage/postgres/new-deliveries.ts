import { sql } from 'drizzle-orm'
import type { NewDelivery } from '../storage.ts'
import { all, rowsOf, type Executor } from './database.ts'

const newColumns = `id text, organization_id text, event_id text, webhook_id text, event_type text, subscription_ids text,
  accepted_at bigint, batch_id text, lane text, cause text`

/** One statement; those that exist are left as they are. Returns the others. */
export async function insertDeliveries(db: Executor, list: NewDelivery[], now: number): Promise<{ id: string; batchId: string | null }[]> {
  const rows = list.map((one) => ({
    id: one.id,
    organization_id: one.organizationId,
    event_id: one.eventId,
    webhook_id: one.webhookId,
    event_type: one.eventType,
    subscription_ids: JSON.stringify(one.subscriptionIds),
    accepted_at: one.acceptedAt,
    batch_id: one.batchId,
    lane: one.lane,
    cause: one.cause && JSON.stringify(one.cause),
  }))
  // in the order of their ids: two relays that make the same ones then wait for each other, and not crosswise
  return all(
    db,
    sql`insert into deliveries (id, organization_id, event_id, webhook_id, event_type, subscription_ids, state, generation, attempts, step,
        accepted_at, created_at, updated_at, next_attempt_at, batch_id, lane, cause)
      select id, organization_id, event_id, webhook_id, event_type, subscription_ids::json, 'pending', 0, 0, 0,
        accepted_at, ${now}::bigint, ${now}::bigint, ${now}::bigint, batch_id, lane, cause::json
      from ${rowsOf(rows, newColumns)} order by id
      on conflict (id) do nothing returning id, batch_id as "batchId"`,
  )
}
