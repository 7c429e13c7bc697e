import { and, asc, count, desc, eq, inArray, isNull, lt, or, gt, sql, type SQL } from 'drizzle-orm'
import { deliveryFields } from '../../contracts/api/fields.ts'
import { checkFilter } from '../query.ts'
import type { OpenDelivery, Redelivery, RedeliveryStore } from '../storage.ts'
import type { Db } from './database.ts'
import { deliveryColumns, matchingDeliveries, nextGeneration, opened, pathOf } from './delivery-log.ts'
import { whereOf } from './filter.ts'
import { redeliveries } from './redelivery-schema.ts'
import { deliveries, events, webhooks } from './schema.ts'
import type { Sync } from './stores.ts'

const own = (organizationId: string, id: string) => and(eq(redeliveries.organizationId, organizationId), eq(redeliveries.id, id))
const isRunning = eq(redeliveries.state, 'running')

export function reads(db: Db): Pick<Sync<RedeliveryStore>, 'find' | 'list' | 'running' | 'count'> {
  return {
    find: (organizationId, id) => db.select().from(redeliveries).where(own(organizationId, id)).get(),
    list: (organizationId, { limit }) =>
      db
        .select()
        .from(redeliveries)
        .where(eq(redeliveries.organizationId, organizationId))
        .orderBy(desc(redeliveries.createdAt), desc(redeliveries.id))
        .limit(limit)
        .all(),
    running: () => db.select().from(redeliveries).where(isRunning).orderBy(asc(redeliveries.createdAt)).all(),
    count(wanted) {
      const filter = wanted.filter ? checkFilter(deliveryFields, wanted.filter) : undefined
      const matching = matchingDeliveries(db, filter).where(eligible(wanted, db)).as('matching')
      return db.select({ deliveries: count() }).from(matching).get()?.deliveries ?? 0
    },
  }
}

type Wanted = Pick<Redelivery, 'organizationId' | 'filter'>

/** Finished deliveries that match, and whose webhook can take them. */
function eligible({ organizationId, filter }: Wanted, db: Db): SQL | undefined {
  const isFinished = inArray(deliveries.state, ['succeeded', 'failed', 'cancelled'])
  const takes = inArray(
    deliveries.webhookId,
    db
      .select({ id: webhooks.id })
      .from(webhooks)
      .where(and(eq(webhooks.active, true), isNull(webhooks.removedAt))),
  )
  const checked = filter ? checkFilter(deliveryFields, filter) : undefined
  return and(pathOf(organizationId, checked).organization, isFinished, takes, whereOf(deliveryColumns, checked))
}

type Position = { createdAt: number; id: string }

export function writes(db: Db): Pick<Sync<RedeliveryStore>, 'create' | 'stop' | 'advance'> {
  /**
   * The last piece: where it began and ended, and how many had been opened with it, which tells whether it was committed. Only
   * saves reading the log again from its start: lost at a restart, found again.
   */
  const positions = new Map<string, { from: Position | undefined; to: Position; redelivered: number }>()

  function nextPiece(redelivery: Redelivery, limit: number, from: Position | undefined) {
    const beyond =
      from && or(gt(deliveries.createdAt, from.createdAt), and(eq(deliveries.createdAt, from.createdAt), gt(deliveries.id, from.id)))
    return db
      .select({ id: deliveries.id, createdAt: deliveries.createdAt, retry: webhooks.retry })
      .from(deliveries)
      .leftJoin(events, eq(events.id, deliveries.eventId))
      .leftJoin(webhooks, eq(webhooks.id, deliveries.webhookId))
      .where(
        and(
          eligible(redelivery, db),
          lt(deliveries.updatedAt, redelivery.before),
          from && sql`${deliveries.createdAt} >= ${from.createdAt}`,
          beyond,
        ),
      )
      .orderBy(asc(deliveries.createdAt), asc(deliveries.id))
      .limit(limit)
      .all()
  }

  return {
    create(request, now) {
      const state = request.matched > 0 ? ('running' as const) : ('finished' as const)
      return db
        .insert(redeliveries)
        .values({ ...request, state, redelivered: 0, createdAt: now, updatedAt: now })
        .returning()
        .get()
    },
    stop(organizationId, id, now) {
      const stopped = db
        .update(redeliveries)
        .set({ state: 'stopped', updatedAt: now })
        .where(and(own(organizationId, id), isRunning))
        .returning()
        .get()
      return stopped ?? db.select().from(redeliveries).where(own(organizationId, id)).get()
    },
    advance(id, limit, now): OpenDelivery[] {
      const redelivery = db
        .select()
        .from(redeliveries)
        .where(and(eq(redeliveries.id, id), isRunning))
        .get()
      if (!redelivery) return []
      const last = positions.get(id)
      const from = last?.redelivered === redelivery.redelivered ? last.to : last?.from
      const piece = nextPiece(redelivery, limit, from)
      const list = openPiece(redelivery, piece, limit, now)
      if (piece.length < limit) positions.delete(id)
      else positions.set(id, { from, to: piece.at(-1) as Position, redelivered: redelivery.redelivered + list.length })
      return list
    },
  }

  function openPiece(
    redelivery: Redelivery,
    piece: { id: string; retry: OpenDelivery['retry'] | null }[],
    limit: number,
    now: number,
  ): OpenDelivery[] {
    const retries = new Map(piece.map((one) => [one.id, one.retry]))
    const ids = sql`(select value from json_each(${JSON.stringify([...retries.keys()])}))`
    const list = db.update(deliveries).set(nextGeneration(now)).where(sql`${deliveries.id} in ${ids}`).returning(opened).all()
    const progress = {
      redelivered: redelivery.redelivered + list.length,
      updatedAt: now,
      ...(piece.length < limit && { state: 'finished' as const }),
    }
    db.update(redeliveries).set(progress).where(eq(redeliveries.id, redelivery.id)).run()
    return list.map((delivery) => ({ ...delivery, retry: retries.get(delivery.id) as OpenDelivery['retry'] }))
  }
}
