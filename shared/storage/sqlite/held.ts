import { eq, sql } from 'drizzle-orm'
import type { DeliveryStore } from '../storage.ts'
import type { Db } from './database.ts'
import { opened } from './delivery-log.ts'
import { deliveries, webhooks } from './schema.ts'
import type { Sync } from './stores.ts'

/** Written out as the partial index says it, and that one: along the index of open deliveries all held ones of all webhooks are one heap. */
const isHeld = "state IN ('pending', 'retrying') AND next_attempt_at IS NULL"
const held = 'deliveries INDEXED BY deliveries_held'

export function reads(db: Db): Pick<Sync<DeliveryStore>, 'heldWebhooks'> {
  const first = (beyond: string) => `SELECT webhook_id FROM ${held} WHERE ${isHeld} ${beyond} ORDER BY webhook_id LIMIT 1`
  // From one webhook to the next along the index: DISTINCT would read every row that is held.
  const webhookIds = db.$client.prepare<[], { id: string }>(`
    WITH RECURSIVE held (id) AS (
      SELECT (${first('')})
      UNION ALL SELECT (${first('AND webhook_id > held.id')}) FROM held WHERE held.id IS NOT NULL)
    SELECT id FROM held WHERE id IS NOT NULL`)
  return { heldWebhooks: () => webhookIds.all().map(({ id }) => id) }
}

export function writes(db: Db): Pick<Sync<DeliveryStore>, 'release'> {
  const oldest = db.$client.prepare<[string, number], { id: string }>(
    `SELECT id FROM ${held} WHERE webhook_id = ? AND ${isHeld} ORDER BY id LIMIT ?`,
  )
  const policy = db
    .select({ retry: webhooks.retry })
    .from(webhooks)
    .where(eq(webhooks.id, sql.placeholder('webhookId')))
    .prepare()

  return {
    release(webhookId, limit, now) {
      const retry = policy.get({ webhookId })?.retry
      if (!retry) return []
      const ids = JSON.stringify(oldest.all(webhookId, limit).map(({ id }) => id))
      const isOne = sql`${deliveries.id} in (select value from json_each(${ids}))`
      const list = db.update(deliveries).set({ nextAttemptAt: now }).where(isOne).returning(opened).all()
      return list.map((one) => ({ ...one, retry })).sort((a, b) => (a.id < b.id ? -1 : 1))
    },
  }
}
