import { sql, type SQL } from 'drizzle-orm'
import type { Imbalance, Ledger, LedgerStore } from '../ledger.ts'
import { all, atOneMoment, type Db, type Executor } from './database.ts'

type Range = { organizationId: string; from: number; to: number }
type Ids = { first: string; last: string }

/**
 * One row for each event of the range with what became of its deliveries. A delivery that was asked for by another webhook has a
 * cause and is no match; one that a recipient of the directory got may have been counted as either. The ids of deliveries
 * begin with the time of their events, which leaves the partitions of the range.
 */
const perEvent = ({ organizationId, from, to }: Range, { first, last }: Ids): SQL => sql`
  select e.id, e.received_at, e.fanned_out_at is not null as fanned_out, e.matched,
    count(d.id) as rows,
    count(d.id) filter (where d.cause is null) as own,
    count(d.id) filter (where coalesce(d.cause ->> 'kind', 'recipient') = 'recipient') as told,
    count(d.id) filter (where d.state = 'pending') as pending,
    count(d.id) filter (where d.state = 'retrying') as retrying,
    count(d.id) filter (where d.state = 'succeeded') as succeeded,
    count(d.id) filter (where d.state = 'failed') as failed,
    count(d.id) filter (where d.state = 'cancelled') as cancelled,
    count(d.id) filter (where d.state in ('succeeded', 'failed')
      and not exists (select from attempts a where a.delivery_id = d.id and a.outcome is not null)) as unlogged
  from events e left join deliveries d
    on d.event_id = e.id and d.id >= ${first.slice(0, 13)} and d.id < ${`${last.slice(0, 13)}~`}
  where e.organization_id = ${organizationId} and e.received_at >= ${from} and e.received_at < ${to}
    and e.id >= ${first} and e.id <= ${last}
  group by e.id, e.received_at, e.fanned_out_at, e.matched`

/** The first that holds. An event with several deliveries stands where the one stands that is furthest from its end. */
const place = sql`case
    when not fanned_out or pending + retrying > 0 then 'pending'
    when rows = 0 and matched = 0 then 'matched_nothing'
    when failed > 0 then 'failed'
    when succeeded > 0 then 'delivered'
    when cancelled > 0 then 'cancelled'
    else 'nowhere' end`

const reason = sql`case
    when fanned_out and matched is null then 'not_counted'
    when fanned_out and matched > told then 'deliveries_missing'
    when fanned_out and matched < own then 'deliveries_unexpected'
    when unlogged > 0 then 'attempts_missing' end`

const places = ['delivered', 'failed', 'cancelled', 'pending', 'matched_nothing', 'nowhere']
const sums = sql.raw(places.map((name) => `count(*) filter (where place = '${name}') as ${name}`).join(', '))
const states = sql.raw(
  ['pending', 'retrying', 'succeeded', 'failed', 'cancelled'].map((name) => `coalesce(sum(${name}), 0) as deliveries_${name}`).join(', '),
)

type Totals = Record<'delivered' | 'failed' | 'cancelled' | 'pending' | 'matched_nothing' | 'nowhere', number> &
  Record<`deliveries_${keyof Ledger['deliveries']}`, number> & { accepted: number; not_fanned_out: number; unbalanced: number }

const ofRange = ({ organizationId, from, to }: Range): SQL =>
  sql`organization_id = ${organizationId} and received_at >= ${from} and received_at < ${to}`

export function create(db: Db): LedgerStore {
  return {
    // At one moment: the sums and the names are of the same.
    read: (organizationId, { from, to }, { limit, after, most }) =>
      atOneMoment(db, async (tx) => {
        const [next] = await all<{ at: number }>(
          tx,
          sql`select received_at as at from events where ${ofRange({ organizationId, from, to })} order by received_at limit 1 offset ${most}`,
        )
        // all events of one millisecond stand in one piece
        const range = { organizationId, from, to: next ? Math.max(next.at, from + 1) : to }
        const ids = await idsOf(tx, range)
        const sum = await totalsOf(tx, range, ids)
        const partials = { waiting: 0, accepted: 0, discarded: 0, failed: 0 }
        const counted = await all<{ state: keyof Ledger['partials']; count: number }>(
          tx,
          sql`select state, count(*) as count from partials where ${ofRange(range)} group by state`,
        )
        for (const { state, count } of counted) partials[state] = count
        const imbalances = sum.unbalanced > 0 && limit > 0 ? await unbalanced(tx, range, ids, after, limit) : []
        return { ...ledgerOf(sum), partials, imbalances, readTo: range.to }
      }),
  }
}

async function idsOf(tx: Executor, range: Range): Promise<Ids> {
  const [ids] = await all<{ first: string | null; last: string | null }>(
    tx,
    sql`select min(id) as first, max(id) as last from events where ${ofRange(range)}`,
  )
  return { first: ids?.first ?? '', last: ids?.last ?? '' }
}

async function totalsOf(tx: Executor, range: Range, ids: Ids): Promise<Totals> {
  const [sum] = await all<Totals>(
    tx,
    sql`select count(*) as accepted, ${sums}, ${states}, count(*) filter (where not fanned_out) as not_fanned_out, count(reason) as unbalanced
      from (select *, ${place} as place, ${reason} as reason from (${perEvent(range, ids)}) as events) as placed`,
  )
  return sum as Totals
}

const unbalanced = (
  tx: Executor,
  range: Range,
  ids: Ids,
  after: { receivedAt: number; eventId: string } | undefined,
  limit: number,
): Promise<Imbalance[]> =>
  all(
    tx,
    sql`select id as "eventId", received_at as "receivedAt", reason, matched, rows as deliveries
      from (select *, ${reason} as reason from (${perEvent(range, ids)}) as events) as placed
      where reason is not null and (received_at, id) > (${after?.receivedAt ?? -1}::bigint, ${after?.eventId ?? ''})
      order by received_at, id limit ${limit}`,
  )

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
