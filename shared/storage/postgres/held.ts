import { eq, sql } from 'drizzle-orm'
import type { DeliveryStore, OpenDelivery } from '../storage.ts'
import { all, inTransaction, type Db, type Executor } from './database.ts'
import { opened } from './delivery-log.ts'
import { deliveries, webhooks } from './schema.ts'

/** Written out as the partial index says it. */
const isHeld = sql.raw("state in ('pending', 'retrying') and next_attempt_at is null")

export function create(db: Db): Pick<DeliveryStore, 'heldWebhooks' | 'release'> {
  return {
    async heldWebhooks() {
      // From one webhook to the next along the index: distinct would read every row that is held.
      const rows = await all<{ id: string }>(
        db,
        sql`with recursive held (id) as (
            (select webhook_id from deliveries where ${isHeld} order by webhook_id limit 1)
            union all
            select (select webhook_id from deliveries where ${isHeld} and webhook_id > held.id order by webhook_id limit 1)
            from held where held.id is not null)
          select id from held where id is not null`,
      )
      return rows.map(({ id }) => id)
    },
    release: (webhookId, limit, now) => inTransaction(db, (tx) => release(tx, webhookId, limit, now)),
  }
}

async function release(tx: Executor, webhookId: string, limit: number, now: number): Promise<OpenDelivery[]> {
  const [webhook] = await tx.select({ retry: webhooks.retry }).from(webhooks).where(eq(webhooks.id, webhookId))
  if (!webhook) return []
  // what another leader has just taken is passed over
  const oldest = await all<{ id: string }>(
    tx,
    sql`select id from deliveries where webhook_id = ${webhookId} and ${isHeld} order by id limit ${limit} for update skip locked`,
  )
  if (oldest.length === 0) return []
  const ids = sql.param(oldest.map(({ id }) => id))
  const list = await tx.update(deliveries).set({ nextAttemptAt: now }).where(sql`${deliveries.id} = any(${ids})`).returning(opened)
  return list.map((one) => ({ ...one, retry: webhook.retry })).sort((a, b) => (a.id < b.id ? -1 : 1))
}
