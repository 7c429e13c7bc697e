import { and, asc, count, desc, eq, inArray, isNull, lt, sql, type SQL } from 'drizzle-orm'
import { deliveryFields } from '../../contracts/api/fields.ts'
import { checkFilter } from '../query.ts'
import type { OpenDelivery, Redelivery, RedeliveryStore } from '../storage.ts'
import { inTransaction, type Db, type Executor } from './database.ts'
import { deliveryColumns, nextGeneration, opened } from './delivery-log.ts'
import { whereOf } from './filter.ts'
import { redeliveries } from './redelivery-schema.ts'
import { deliveries, events, webhooks } from './schema.ts'

const own = (organizationId: string, id: string) => and(eq(redeliveries.organizationId, organizationId), eq(redeliveries.id, id))
const isRunning = eq(redeliveries.state, 'running')

const isFinished = inArray(deliveries.state, ['succeeded', 'failed', 'cancelled'])

type Wanted = Pick<Redelivery, 'organizationId' | 'filter'>

/** Finished deliveries that match, and whose webhook can take them. */
function eligible({ organizationId, filter }: Wanted, db: Executor): SQL | undefined {
  const takes = inArray(
    deliveries.webhookId,
    db
      .select({ id: webhooks.id })
      .from(webhooks)
      .where(and(eq(webhooks.active, true), isNull(webhooks.removedAt))),
  )
  const matches = whereOf(deliveryColumns, filter ? checkFilter(deliveryFields, filter) : undefined)
  return and(eq(deliveries.organizationId, organizationId), isFinished, takes, matches)
}

type Position = { createdAt: number; id: string }

export function create(db: Db): RedeliveryStore {
  /** Where the last piece ended. Only saves reading the log again from its start: lost at a restart, found again. */
  const positions = new Map<string, Position>()

  return {
    async find(organizationId, id) {
      return (await db.select().from(redeliveries).where(own(organizationId, id)))[0]
    },
    list: (organizationId, { limit }) =>
      db
        .select()
        .from(redeliveries)
        .where(eq(redeliveries.organizationId, organizationId))
        .orderBy(desc(redeliveries.createdAt), desc(redeliveries.id))
        .limit(limit),
    running: () => db.select().from(redeliveries).where(isRunning).orderBy(asc(redeliveries.createdAt)),
    async count(wanted) {
      const [found] = await db
        .select({ deliveries: count() })
        .from(deliveries)
        .leftJoin(events, eq(events.id, deliveries.eventId))
        .where(eligible(wanted, db))
      return found?.deliveries ?? 0
    },
    async create(request, now) {
      const state = request.matched > 0 ? ('running' as const) : ('finished' as const)
      const row = { ...request, state, redelivered: 0, createdAt: now, updatedAt: now }
      await db.insert(redeliveries).values(row)
      return row
    },
    async stop(organizationId, id, now) {
      const [stopped] = await db
        .update(redeliveries)
        .set({ state: 'stopped', updatedAt: now })
        .where(and(own(organizationId, id), isRunning))
        .returning()
      return stopped ?? (await db.select().from(redeliveries).where(own(organizationId, id)))[0]
    },
    async advance(id, limit, now): Promise<OpenDelivery[]> {
      const from = positions.get(id)
      const { list, last } = await inTransaction(db, (tx) => advance(tx, { id, limit, now, from }))
      if (last) positions.set(id, last)
      else positions.delete(id)
      return list
    },
  }
}

type Step = { id: string; limit: number; now: number; from: Position | undefined }

/** `last`: where the piece ended, where another follows. */
async function advance(tx: Executor, { id, limit, now, from }: Step): Promise<{ list: OpenDelivery[]; last?: Position | undefined }> {
  const [redelivery] = await tx
    .select()
    .from(redeliveries)
    .where(and(eq(redeliveries.id, id), isRunning))
    .for('update')
  if (!redelivery) return { list: [] }
  const piece = await nextPiece(tx, redelivery, limit, from)
  const list = await openPiece(tx, redelivery, piece, limit, now)
  return { list, last: piece.length === limit ? piece.at(-1) : undefined }
}

type Found = { id: string; createdAt: number; retry: OpenDelivery['retry'] | null }

function nextPiece(tx: Executor, redelivery: Redelivery, limit: number, from: Position | undefined): Promise<Found[]> {
  const beyond = from && sql`(${deliveries.createdAt}, ${deliveries.id}) > (${from.createdAt}::bigint, ${from.id})`
  return tx
    .select({ id: deliveries.id, createdAt: deliveries.createdAt, retry: webhooks.retry })
    .from(deliveries)
    .leftJoin(events, eq(events.id, deliveries.eventId))
    .leftJoin(webhooks, eq(webhooks.id, deliveries.webhookId))
    .where(and(eligible(redelivery, tx), lt(deliveries.updatedAt, redelivery.before), beyond))
    .orderBy(asc(deliveries.createdAt), asc(deliveries.id))
    .limit(limit)
}

async function openPiece(tx: Executor, redelivery: Redelivery, piece: Found[], limit: number, now: number): Promise<OpenDelivery[]> {
  const retries = new Map(piece.map((one) => [one.id, one.retry]))
  const ids = [...retries.keys()]
  // one that somebody else has opened since it was looked at is under way already
  const list = await tx
    .update(deliveries)
    .set(nextGeneration(now))
    .where(and(sql`${deliveries.id} = any(${sql.param(ids)})`, isFinished))
    .returning(opened)
  const isLast = piece.length < limit
  const progress = { redelivered: redelivery.redelivered + list.length, updatedAt: now, ...(isLast && { state: 'finished' as const }) }
  await tx.update(redeliveries).set(progress).where(eq(redeliveries.id, redelivery.id))
  return list.map((delivery) => ({ ...delivery, retry: retries.get(delivery.id) as OpenDelivery['retry'] }))
}
