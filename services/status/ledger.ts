import type { z } from 'zod'
import type { Ledger as WireLedger, LedgerQuery } from '../../shared/contracts/api/ledger.ts'
import { invalid } from '../../shared/problem.ts'
import type { Imbalance, Ledger } from '../../shared/storage/ledger.ts'
import type { StatusDeps } from './deps.ts'
import { iso } from './shape.ts'

const dayMs = 86_400_000
/** Read in about 60 ms: what else is read in the meantime waits no longer than that. */
const eventsPerRead = 10_000
type Cursor = Pick<Imbalance, 'eventId' | 'receivedAt'>
type Asked = z.infer<typeof LedgerQuery>

/**
 * The account of a range. It is read piece by piece; each event is in one piece, and so counted once and as it is at
 * that moment, whatever is delivered in the meantime.
 */
export async function readLedger(
  organizationId: string,
  query: Asked,
  { storage, clock }: Pick<StatusDeps, 'storage' | 'clock'>,
): Promise<WireLedger> {
  const to = query.to === undefined ? clock.now() : Date.parse(query.to)
  const from = query.from === undefined ? to - dayMs : Date.parse(query.from)
  if (from > to) throw invalid([{ path: ['from'], message: 'must not lie after `to`' }], 'query')
  const after = query.after === undefined ? undefined : readCursor(query.after)

  let sum: Ledger | undefined
  do {
    const limit = query.limit + 1 - (sum?.imbalances.length ?? 0)
    const piece = await storage.ledger.read(organizationId, { from: sum?.readTo ?? from, to }, { most: eventsPerRead, limit, after })
    sum = sum ? add(sum, piece) : piece
  } while (sum.readTo < to)
  return shape(sum, { from, to, limit: query.limit })
}

const members = [
  'accepted',
  'pending',
  'matchedNothing',
  'failed',
  'delivered',
  'cancelled',
  'notFannedOut',
  'unbalanced',
] as const satisfies (keyof Ledger)[]

function add(a: Ledger, b: Ledger): Ledger {
  const plain = Object.fromEntries(members.map((name) => [name, a[name] + b[name]])) as Pick<Ledger, (typeof members)[number]>
  return {
    ...plain,
    deliveries: addEach(a.deliveries, b.deliveries),
    partials: addEach(a.partials, b.partials),
    imbalances: [...a.imbalances, ...b.imbalances],
    readTo: b.readTo,
  }
}

const addEach = <T extends Record<string, number>>(a: T, b: T): T =>
  Object.fromEntries(Object.entries(a).map(([name, count]) => [name, count + (b[name] ?? 0)])) as T

function shape(ledger: Ledger, { from, to, limit }: { from: number; to: number; limit: number }): WireLedger {
  const { accepted, pending, matchedNothing, failed, delivered, cancelled } = ledger
  const named = ledger.imbalances.slice(0, limit)
  const hasMore = ledger.imbalances.length > limit
  return {
    from: iso(from),
    to: iso(to),
    balanced: accepted === pending + matchedNothing + failed + delivered + cancelled && ledger.unbalanced === 0,
    accepted,
    pending,
    matched_nothing: matchedNothing,
    failed,
    delivered,
    cancelled,
    not_fanned_out: ledger.notFannedOut,
    deliveries: ledger.deliveries,
    partials: ledger.partials,
    unbalanced: ledger.unbalanced,
    imbalances: {
      data: named.map(({ eventId, receivedAt, reason, matched, deliveries }) => ({
        event_id: eventId,
        accepted_at: iso(receivedAt),
        reason,
        matched,
        deliveries,
      })),
      meta: { next_cursor: hasMore ? writeCursor(named.at(-1) as Cursor) : null, has_more: hasMore },
    },
  }
}

const writeCursor = ({ receivedAt, eventId }: Cursor): string => Buffer.from(`${receivedAt}.${eventId}`).toString('base64url')

function readCursor(text: string): Cursor {
  const [, at, eventId] = /^(\d{1,15})\.([\w-]{1,100})$/.exec(Buffer.from(text, 'base64url').toString()) ?? []
  if (at === undefined || eventId === undefined)
    throw invalid([{ path: ['after'], message: 'is no cursor of the ledger; give `meta.next_cursor` unchanged' }])
  return { receivedAt: Number(at), eventId }
}
