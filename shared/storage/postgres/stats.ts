import { sql } from 'drizzle-orm'
import type { StatsStore } from '../storage.ts'
import { all, type Db } from './database.ts'

type Minute = { minute: number; accepted: number; succeeded: number; failed: number }
type Counted = { minute: number; succeeded: number; failed: number }

/** Plain SQL: each of these must be seen to stay within an index, whatever the size of the log. */
export function create(db: Db): StatsStore {
  const results = sql`count(*) filter (where outcome = 'succeeded') as succeeded, count(*) filter (where outcome <> 'succeeded') as failed`

  return {
    async minutes(organizationId, from, to) {
      const minutes = new Map<number, Minute>()
      const at = (minute: number): Minute => {
        const known = minutes.get(minute) ?? { minute, accepted: 0, succeeded: 0, failed: 0 }
        minutes.set(minute, known)
        return known
      }
      const accepted = await all<{ minute: number; accepted: number }>(
        db,
        sql`select received_at / 60000 * 60000 as minute, count(*) as accepted from events
          where organization_id = ${organizationId} and received_at >= ${from} and received_at < ${to} group by 1`,
      )
      const attempted = await all<Counted>(
        db,
        sql`select attempts.started_at / 60000 * 60000 as minute, ${results} from webhooks join attempts on attempts.webhook_id = webhooks.id
          where webhooks.organization_id = ${organizationId} and attempts.started_at >= ${from} and attempts.started_at < ${to}
            and outcome is not null group by 1`,
      )
      for (const one of accepted) at(one.minute).accepted = one.accepted
      for (const { minute, succeeded, failed } of attempted) Object.assign(at(minute), { succeeded, failed })
      return [...minutes.values()].sort((a, b) => a.minute - b.minute)
    },
    async latencies(organizationId, since, limit) {
      const rows = await all<{ ms: number | null }>(
        db,
        sql`select delivered_at - accepted_at as ms from deliveries
          where organization_id = ${organizationId} and state = 'succeeded' and created_at >= ${since} and generation = 0
          order by created_at desc limit ${limit}`,
      )
      return rows.flatMap(({ ms }) => (ms === null ? [] : [ms]))
    },
    async backlog(organizationId, now, upTo) {
      const count = async (state: string) => {
        const rows = sql`select from deliveries where organization_id = ${organizationId} and state = ${state} limit ${upTo}`
        return (await all<{ deliveries: number }>(db, sql`select count(*) as deliveries from (${rows}) as some`))[0]?.deliveries ?? 0
      }
      // Written out and not as parameters, so that Postgres sees that the partial index holds these rows.
      const [waiting] = await all<{ deliveries: number; oldest: number | null }>(
        db,
        sql`select count(*) as deliveries, min(accepted_at) as oldest from (
          select accepted_at from deliveries
          where state in ('pending', 'retrying') and next_attempt_at <= ${now} and organization_id = ${organizationId}
          order by next_attempt_at, id limit ${upTo}) as due`,
      )
      const [pending, retrying] = [await count('pending'), await count('retrying')]
      return { pending, retrying, due: waiting?.deliveries ?? 0, oldestAcceptedAt: waiting?.oldest ?? null }
    },
    health: (organizationId, since, stretchMs) =>
      all(
        db,
        sql`select webhooks.id as "webhookId", attempts.started_at / ${stretchMs}::bigint * ${stretchMs}::bigint as at, ${results}
          from webhooks join attempts on attempts.webhook_id = webhooks.id
          where webhooks.organization_id = ${organizationId} and webhooks.removed_at is null and attempts.started_at >= ${since}
            and outcome is not null
          group by 1, 2 order by 1, 2`,
      ),
  }
}
