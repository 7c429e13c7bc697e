import type { Imbalance, Ledger, LedgerStore } from '../ledger.ts'
import type { Db } from './database.ts'
import type { Sync } from './stores.ts'

/**
 * One row for each event of the range with what became of its deliveries. Grouping by the time and the rowid follows
 * the index of events, so that a million of them need no sort. A delivery that was asked for by another webhook has a
 * cause and is no match; one that a recipient of the directory got may have been counted as either.
 */
const perEvent = `
  SELECT e.id, e.received_at, e.fanned_out_at IS NOT NULL AS fanned_out, e.matched,
    count(d.id) AS rows,
    coalesce(sum(d.id IS NOT NULL AND d.cause ->> '$.kind' IS NULL), 0) AS own,
    coalesce(sum(d.id IS NOT NULL AND coalesce(d.cause ->> '$.kind', 'recipient') = 'recipient'), 0) AS told,
    coalesce(sum(d.state = 'pending'), 0) AS pending,
    coalesce(sum(d.state = 'retrying'), 0) AS retrying,
    coalesce(sum(d.state = 'succeeded'), 0) AS succeeded,
    coalesce(sum(d.state = 'failed'), 0) AS failed,
    coalesce(sum(d.state = 'cancelled'), 0) AS cancelled,
    coalesce(sum(d.state IN ('succeeded', 'failed') AND NOT EXISTS
      (SELECT 1 FROM attempts a WHERE a.delivery_id = d.id AND a.outcome IS NOT NULL)), 0) AS unlogged
  FROM events e LEFT JOIN deliveries d ON d.event_id = e.id
  WHERE e.organization_id = @organizationId AND e.received_at >= @from AND e.received_at < @to
  GROUP BY e.received_at, e.rowid`

/** The first that holds. An event with several deliveries stands where the one stands that is furthest from its end. */
const place = `CASE
    WHEN NOT fanned_out OR pending + retrying > 0 THEN 'pending'
    WHEN rows = 0 AND matched = 0 THEN 'matched_nothing'
    WHEN failed > 0 THEN 'failed'
    WHEN succeeded > 0 THEN 'delivered'
    WHEN cancelled > 0 THEN 'cancelled'
    ELSE 'nowhere' END`

const reason = `CASE
    WHEN fanned_out AND matched IS NULL THEN 'not_counted'
    WHEN fanned_out AND matched > told THEN 'deliveries_missing'
    WHEN fanned_out AND matched < own THEN 'deliveries_unexpected'
    WHEN unlogged > 0 THEN 'attempts_missing' END`

const sums = ['delivered', 'failed', 'cancelled', 'pending', 'matched_nothing', 'nowhere']
  .map((name) => `coalesce(sum(place = '${name}'), 0) AS ${name}`)
  .join(', ')
const states = ['pending', 'retrying', 'succeeded', 'failed', 'cancelled']
  .map((name) => `coalesce(sum(${name}), 0) AS deliveries_${name}`)
  .join(', ')

type Totals = Record<'delivered' | 'failed' | 'cancelled' | 'pending' | 'matched_nothing' | 'nowhere', number> &
  Record<`deliveries_${keyof Ledger['deliveries']}`, number> & { accepted: number; not_fanned_out: number; unbalanced: number }

export function reads(db: Db): Pick<Sync<LedgerStore>, 'read'> {
  const client = db.$client
  const boundary = client.prepare<unknown[], { at: number }>(
    `SELECT received_at AS at FROM events WHERE organization_id = @organizationId AND received_at >= @from AND received_at < @to
     ORDER BY received_at LIMIT 1 OFFSET @most`,
  )
  const totals = client.prepare<unknown[], Totals>(`
    SELECT count(*) AS accepted, ${sums}, ${states}, coalesce(sum(NOT fanned_out), 0) AS not_fanned_out, count(reason) AS unbalanced
    FROM (SELECT *, ${place} AS place, ${reason} AS reason FROM (${perEvent}))`)
  const unbalanced = client.prepare<unknown[], Imbalance>(`
    SELECT id AS eventId, received_at AS receivedAt, reason, matched, rows AS deliveries
    FROM (SELECT *, ${reason} AS reason FROM (${perEvent}))
    WHERE reason IS NOT NULL AND (received_at, id) > (@afterAt, @afterId) ORDER BY received_at, id LIMIT @limit`)
  const partials = client.prepare<unknown[], { state: keyof Ledger['partials']; count: number }>(
    `SELECT state, count(*) AS count FROM partials
     WHERE organization_id = @organizationId AND received_at >= @from AND received_at < @to GROUP BY state`,
  )

  return {
    // One transaction: the sums and the names are of the same moment.
    read: (organizationId, { from, to }, { limit, after, most }) =>
      db.transaction(() => {
        const next = boundary.get({ organizationId, from, to, most })
        // all events of one millisecond stand in one piece
        const readTo = next ? Math.max(next.at, from + 1) : to
        const range = { organizationId, from, to: readTo }
        const sum = totals.get(range) as Totals
        const seen = { waiting: 0, accepted: 0, discarded: 0, failed: 0 }
        for (const { state, count } of partials.all(range)) seen[state] = count
        const beyond = { afterAt: after?.receivedAt ?? -1, afterId: after?.eventId ?? '' }
        const names = sum.unbalanced > 0 && limit > 0 ? unbalanced.all({ ...range, ...beyond, limit }) : []
        return { ...ledgerOf(sum), partials: seen, imbalances: names, readTo }
      }),
  }
}

export const writes = (): object => ({})

const ledgerOf = (sum: Totals): Omit<Ledger, 'partials' | 'imbalances' | 'readTo'> => ({
  accepted: sum.accepted,
  delivered: sum.delivered,
  failed: sum.failed,
  cancelled: sum.cancelled,
  pending: sum.pending,
  matchedNothing: sum.matched_nothing,
  notFannedOut: sum.not_fanned_out,
  unbalanced: sum.unbalanced,
  deliveries: {
    pending: sum.deliveries_pending,
    retrying: sum.deliveries_retrying,
    succeeded: sum.deliveries_succeeded,
    failed: sum.deliveries_failed,
    cancelled: sum.deliveries_cancelled,
  },
})
