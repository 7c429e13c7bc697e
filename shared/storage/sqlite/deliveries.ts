import { and, asc, eq, inArray, lt, sql } from 'drizzle-orm'
import type { OutcomeEntry } from '../../contracts/delivery.ts'
import type { DeliveryStore, OpenDelivery } from '../storage.ts'
import type { Db } from './database.ts'
import { opened } from './delivery-log.ts'
import { deliveryInsert } from './new-deliveries.ts'
import { recorder } from './record.ts'
import { deliveries, webhooks } from './schema.ts'
import type { Sync } from './stores.ts'

/** Columns that make the job of a delivery again; the policy is the webhook's of today. */
const openColumns = { ...opened, retry: webhooks.retry }

export function reads(db: Db): Pick<Sync<DeliveryStore>, 'dueBefore' | 'openInBatch' | 'eventsInBatch' | 'stillOpen'> {
  // Written out and not as parameters, so that SQLite sees that the partial index holds these rows.
  const isOpen = sql`${deliveries.state} in ('pending', 'retrying')`
  const select = () => db.select(openColumns).from(deliveries).innerJoin(webhooks, eq(webhooks.id, deliveries.webhookId))
  const inBatch = db
    .select({ deliveryId: deliveries.id, eventId: deliveries.eventId, generation: deliveries.generation })
    .from(deliveries)
    .where(and(eq(deliveries.batchId, sql.placeholder('batchId')), eq(deliveries.generation, 0), isOpen))
    .orderBy(asc(deliveries.eventId))
    .prepare()
  return {
    dueBefore(time, limit, after): OpenDelivery[] {
      const beyond = after && sql`(${deliveries.nextAttemptAt}, ${deliveries.id}) > (${after.nextAttemptAt}, ${after.id})`
      const where = and(isOpen, lt(deliveries.nextAttemptAt, time), beyond)
      return select().where(where).orderBy(asc(deliveries.nextAttemptAt), asc(deliveries.id)).limit(limit).all()
    },
    openInBatch: (batchId) => inBatch.all({ batchId }),
    eventsInBatch: (batchId) =>
      db
        .select({ eventId: deliveries.eventId })
        .from(deliveries)
        .where(eq(deliveries.batchId, batchId))
        .orderBy(asc(deliveries.eventId))
        .all()
        .map(({ eventId }) => eventId),
    stillOpen: (ids) =>
      select()
        .where(and(isOpen, inArray(deliveries.id, ids)))
        .all(),
  }
}

export function writes(db: Db): Pick<Sync<DeliveryStore>, 'create' | 'record' | 'interrupt'> {
  const insert = deliveryInsert(db)
  const openOne = db.$client.prepare<[string], { id: string; batchId: string | null }>(
    "SELECT id, batch_id AS batchId FROM deliveries WHERE id = ? AND state IN ('pending', 'retrying') AND step = 0 AND next_attempt_at IS NOT NULL",
  )
  const markInterrupted = db.$client.prepare(
    "UPDATE attempts SET outcome = 'interrupted', finished_at = ?, error = 'the dispatcher ended in mid-request', decision = 'the delivery is tried again' WHERE outcome IS NULL AND started_at < ?",
  )
  const record = recorder(db)

  return {
    create(list, now) {
      return list.flatMap((delivery) => {
        const { id, batchId } = delivery
        return insert(delivery, now) ? { id, batchId } : (openOne.get(id) ?? [])
      })
    },
    record: (entries, now, texts) => record(texts?.flatMap((text) => JSON.parse(text) as OutcomeEntry | OutcomeEntry[]) ?? entries, now),
    interrupt: (startedBefore, now) => markInterrupted.run(now, startedBefore).changes,
  }
}
