import type { StatsStore } from '../storage.ts'
import type { Db } from './database.ts'
import type { Sync } from './stores.ts'

type Minute = { minute: number; accepted: number; succeeded: number; failed: number }
type Counted = { minute: number; succeeded: number; failed: number }

/** Plain SQL: each of these must be seen to stay within an index, whatever the size of the log. */
export function reads(db: Db): Sync<StatsStore> {
  const prepare = (text: string) => db.$client.prepare<Record<string, unknown>[]>(text)
  const accepted = prepare(`
    SELECT received_at / 60000 * 60000 AS minute, count(*) AS accepted FROM events
    WHERE organization_id = @organizationId AND received_at >= @from AND received_at < @to GROUP BY 1`)
  const attempted = prepare(`
    SELECT attempts.started_at / 60000 * 60000 AS minute, sum(outcome = 'succeeded') AS succeeded, sum(outcome <> 'succeeded') AS failed
    FROM webhooks CROSS JOIN attempts ON attempts.webhook_id = webhooks.id
    WHERE webhooks.organization_id = @organizationId AND attempts.started_at >= @from AND attempts.started_at < @to AND outcome IS NOT NULL
    GROUP BY 1`)
  const latencies = prepare(`
    SELECT delivered_at - accepted_at AS ms FROM deliveries
    WHERE organization_id = @organizationId AND state = 'succeeded' AND created_at >= @since AND generation = 0
    ORDER BY created_at DESC LIMIT @limit`)
  const open = prepare(
    'SELECT count(*) AS deliveries FROM (SELECT 1 FROM deliveries WHERE organization_id = @organizationId AND state = @state LIMIT @limit)',
  )
  // Written out and not as parameters, so that SQLite sees that the partial index holds these rows.
  const due = prepare(`
    SELECT count(*) AS deliveries, min(accepted_at) AS oldest FROM (
      SELECT accepted_at FROM deliveries
      WHERE state IN ('pending', 'retrying') AND next_attempt_at <= @now AND organization_id = @organizationId
      ORDER BY next_attempt_at, id LIMIT @limit)`)
  // numbers are bound as reals, and a division by a real keeps its fraction
  const health = prepare(`
    SELECT webhooks.id AS webhookId, attempts.started_at / cast(@stretchMs AS integer) * cast(@stretchMs AS integer) AS at,
      sum(outcome = 'succeeded') AS succeeded, sum(outcome <> 'succeeded') AS failed
    FROM webhooks CROSS JOIN attempts ON attempts.webhook_id = webhooks.id
    WHERE webhooks.organization_id = @organizationId AND webhooks.removed_at IS NULL AND attempts.started_at >= @since AND outcome IS NOT NULL
    GROUP BY 1, 2 ORDER BY 1, 2`)

  return {
    minutes(organizationId, from, to) {
      const range = { organizationId, from, to }
      const minutes = new Map<number, Minute>()
      const at = (minute: number): Minute => {
        const known = minutes.get(minute) ?? { minute, accepted: 0, succeeded: 0, failed: 0 }
        minutes.set(minute, known)
        return known
      }
      for (const one of accepted.all(range) as { minute: number; accepted: number }[]) at(one.minute).accepted = one.accepted
      for (const { minute, succeeded, failed } of attempted.all(range) as Counted[]) Object.assign(at(minute), { succeeded, failed })
      return [...minutes.values()].sort((a, b) => a.minute - b.minute)
    },
    latencies: (organizationId, since, limit) =>
      (latencies.all({ organizationId, since, limit }) as { ms: number | null }[]).flatMap(({ ms }) => (ms === null ? [] : [ms])),
    backlog(organizationId, now, upTo) {
      const count = (state: string) => (open.get({ organizationId, state, limit: upTo }) as { deliveries: number }).deliveries
      const waiting = due.get({ organizationId, now, limit: upTo }) as { deliveries: number; oldest: number | null }
      return { pending: count('pending'), retrying: count('retrying'), due: waiting.deliveries, oldestAcceptedAt: waiting.oldest }
    },
    health: (organizationId, since, stretchMs) =>
      health.all({ organizationId, since, stretchMs }) as { webhookId: string; at: number; succeeded: number; failed: number }[],
  }
}

export const writes = (): Record<never, never> => ({})
