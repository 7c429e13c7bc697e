import { and, sql, type SQL } from 'drizzle-orm'
import { invalid } from '../../problem.ts'
import { writeCursor, type CheckedQuery, type CheckedSort, type CursorValue } from '../query.ts'
import type { CountBounds, Page } from '../storage.ts'
import type { Executor } from './database.ts'
import { deliveries } from './schema.ts'

/**
 * A search through a log of millions for something that no index knows must look at each row. It is made in pieces
 * along the order of the log, ever larger ones while they are fast, until there is enough or the time is over; then
 * the answer is what was found, and where to go on.
 */
type Position = { createdAt: number; id: string }
/** One stretch of the log: rows within, and its last row; no end: it reaches to the end of the log. */
type Piece = { within: SQL | undefined; end: Position | undefined; isLate(): boolean }

const firstRows = 500
const maxRows = 512_000
/** A piece that took less than this share of the time is followed by a larger one. */
const quick = 0.15

export const newest: CheckedSort = [
  { field: 'created_at', descending: true, always: true },
  { field: 'id', descending: true, always: true },
]

/** What to walk along: the part of a filter that an index knows. `ends`: it leaves so few that no pieces are needed. */
export type Path = { organization: SQL; where: SQL | undefined; ends: boolean }
type Walk = { sort: CheckedSort; path: Path; patienceMs: number | undefined; after?: CursorValue[] | undefined }

export async function* walk(db: Executor, { sort, path, patienceMs, after }: Walk): AsyncGenerator<Piece> {
  const [first, second] = sort
  if (first?.field !== 'created_at' || second?.field !== 'id')
    throw invalid([{ path: ['patience_ms'], message: 'works newest or oldest first only: sort by `created_at`, or leave the sort out' }])
  if (patienceMs === undefined || path.ends) return yield { within: undefined, end: undefined, isLate: () => false }
  const { descending } = first
  const begun = performance.now()
  const isLate = () => performance.now() - begun > patienceMs
  let position = after && { createdAt: after[0] as number, id: after[1] as string }
  for (let rows = firstRows; ; ) {
    const from = performance.now()
    const end = await rowAt(db, path, descending, position, rows)
    yield { within: between(descending, position, end), end, isLate }
    if (!end) return
    position = end
    if (performance.now() - from < quick * patienceMs) rows = Math.min(rows * 2, maxRows)
  }
}

async function rowAt(
  db: Executor,
  { organization, where }: Path,
  descending: boolean,
  from: Position | undefined,
  rows: number,
): Promise<Position | undefined> {
  const order = descending ? sql`desc` : sql`asc`
  const [row] = await db
    .select({ createdAt: deliveries.createdAt, id: deliveries.id })
    .from(deliveries)
    .where(and(organization, where, between(descending, from, undefined)))
    .orderBy(sql`${deliveries.createdAt} ${order}`, sql`${deliveries.id} ${order}`)
    .limit(1)
    .offset(rows - 1)
  return row
}

/** After the one and up to the other, in the order of the log. */
function between(descending: boolean, from: Position | undefined, end: Position | undefined): SQL | undefined {
  const key = sql`(${deliveries.createdAt}, ${deliveries.id})`
  const [beyond, upTo] = descending ? [sql`<`, sql`>=`] : [sql`>`, sql`<=`]
  return and(
    from && sql`${key} ${beyond} (${from.createdAt}::bigint, ${from.id})`,
    end && sql`${key} ${upTo} (${end.createdAt}::bigint, ${end.id})`,
  )
}

type Found = { row: string; keys: Record<string, CursorValue> }

export async function pageWithin(
  query: CheckedQuery,
  pieces: AsyncIterable<Piece>,
  look: (within: SQL | undefined) => Promise<Found[]>,
): Promise<Page<string>> {
  const found: Found[] = []
  for await (const { within, end, isLate } of pieces) {
    found.push(...(await look(within)))
    const last = found[query.limit - 1]
    if (last && found.length > query.limit) {
      const values = query.sort.map(({ field }) => last.keys[field] ?? null)
      return { rows: found.slice(0, query.limit).map(({ row }) => row), nextCursor: writeCursor(query, values) }
    }
    if (end && isLate()) return { rows: found.map(({ row }) => row), nextCursor: writeCursor(query, [end.createdAt, end.id]) }
  }
  return { rows: found.map(({ row }) => row), nextCursor: null }
}

export async function countWithin(
  { upTo = Number.MAX_SAFE_INTEGER }: CountBounds,
  pieces: AsyncIterable<Piece>,
  look: (within: SQL | undefined, atMost: number) => Promise<number>,
): Promise<{ count: number; exact: boolean }> {
  let count = 0
  for await (const { within, end, isLate } of pieces) {
    count += await look(within, Math.max(1, upTo + 1 - count))
    if (count > upTo) return { count: upTo, exact: false }
    if (end && isLate()) return { count, exact: false }
  }
  return { count, exact: true }
}
