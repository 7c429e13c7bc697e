import { and, asc, eq, isNotNull, lt, sql, type SQL } from 'drizzle-orm'
import type { DeliveryStore, OpenDelivery } from '../storage.ts'
import { again, type Db } from './database.ts'
import { opened } from './delivery-log.ts'
import { insertDeliveries } from './new-deliveries.ts'
import { recorder } from './record.ts'
import { deliveries, webhooks } from './schema.ts'

/** Columns that make the job of a delivery again; the policy is the webhook's of today. */
const openColumns = { ...opened, retry: webhooks.retry }
/** Written out and not as parameters, so that Postgres sees that the partial index holds these rows. */
const isOpen = sql`${deliveries.state} in ('pending', 'retrying')`
const among = (ids: string[]): SQL => sql`${deliveries.id} = any(${sql.param(ids)})`

type Part = Pick<DeliveryStore, 'create' | 'record' | 'interrupt' | 'dueBefore' | 'openInBatch' | 'eventsInBatch' | 'stillOpen'>

export function create(db: Db): Part {
  const select = () => db.select(openColumns).from(deliveries).innerJoin(webhooks, eq(webhooks.id, deliveries.webhookId))
  return {
    async create(list, now) {
      if (list.length === 0) return []
      const made = await again(() => insertDeliveries(db, list, now))
      const open = new Map(made.map((one) => [one.id, one]))
      const others = list.flatMap(({ id }) => (open.has(id) ? [] : id))
      if (others.length > 0) {
        const { id, batchId } = deliveries
        const known = await db
          .select({ id, batchId })
          .from(deliveries)
          .where(and(among(others), isOpen, eq(deliveries.step, 0), isNotNull(deliveries.nextAttemptAt)))
        for (const one of known) open.set(one.id, one)
      }
      return list.flatMap(({ id }) => open.get(id) ?? [])
    },
    record: recorder(db),
    async interrupt(startedBefore, now) {
      const result = await again(() =>
        db.execute(sql`
          update attempts set outcome = 'interrupted', finished_at = ${now}, error = 'the dispatcher ended in mid-request',
            decision = 'the delivery is tried again'
          where outcome is null and started_at < ${startedBefore}`),
      )
      return result.rowCount ?? 0
    },
    async dueBefore(time, limit, after): Promise<OpenDelivery[]> {
      const beyond = after && sql`(${deliveries.nextAttemptAt}, ${deliveries.id}) > (${after.nextAttemptAt}::bigint, ${after.id})`
      const where = and(isOpen, lt(deliveries.nextAttemptAt, time), beyond)
      return select().where(where).orderBy(asc(deliveries.nextAttemptAt), asc(deliveries.id)).limit(limit)
    },
    openInBatch: (batchId) =>
      db
        .select({ deliveryId: deliveries.id, eventId: deliveries.eventId, generation: deliveries.generation })
        .from(deliveries)
        .where(and(eq(deliveries.batchId, batchId), eq(deliveries.generation, 0), isOpen))
        .orderBy(asc(deliveries.eventId)),
    async eventsInBatch(batchId) {
      const rows = await db
        .select({ eventId: deliveries.eventId })
        .from(deliveries)
        .where(eq(deliveries.batchId, batchId))
        .orderBy(asc(deliveries.eventId))
      return rows.map(({ eventId }) => eventId)
    },
    stillOpen: async (ids) => (ids.length === 0 ? [] : select().where(and(isOpen, among(ids)))),
  }
}
