import type { Filter } from '../../../shared/contracts/filter.ts'
import { both } from './where.ts'

export type Row = { id: string }
export type Source<T extends Row> = {
  /** The field that the log is in order by, and its value in a row: ISO 8601 with milliseconds, which sort as text. */
  field: string
  timeOf(row: T): string
  page(filter: Filter | undefined, direction: 'asc' | 'desc', limit: number): Promise<T[]>
}

export const pageRows = 200
/** A time is given to a row a little before it is in the log, and by several processes: so far back one may come late. */
const overlapMs = 15_000
/** Looking back is not needed each time: it makes late rows a few seconds later, and never loses one. */
const lookBackEvery = 4

/**
 * Follows a log that grows: each row once, none left out. Every look goes on behind the last row seen, by a condition on time and
 * id that an index answers; every fourth goes back a little, for rows that came late.
 */
export function createGrowth<T extends Row>(source: Source<T>, fixed: Filter[]) {
  const seen = new Map<string, string>()
  let position = { at: new Date(0).toISOString(), id: '' }
  let looks = 0

  const back = (at: string) => new Date(Math.max(0, Date.parse(at) - overlapMs)).toISOString()

  async function read(from: { at: string; id: string }): Promise<T[]> {
    const fresh: T[] = []
    for (let after = from; ; ) {
      const page = await source.page(both(...fixed, ...beyond(source.field, after)), 'asc', pageRows)
      for (const row of page) {
        if (!seen.has(row.id)) fresh.push(row)
        seen.set(row.id, source.timeOf(row))
        after = { at: source.timeOf(row), id: row.id }
      }
      if (after.at > position.at || (after.at === position.at && after.id > position.id)) position = after
      if (page.length < pageRows) return fresh
    }
  }

  return {
    /** Begins at the end of the log as it is now. Resolves with the time of its last row; undefined: it is empty. */
    async begin(): Promise<string | undefined> {
      const [newest] = await source.page(both(...fixed), 'desc', 1)
      if (!newest) return undefined
      await read({ at: back(source.timeOf(newest)), id: '' })
      return source.timeOf(newest)
    },
    /** Begins at a time: what is in the log since then counts as new. */
    beginAt(at: string): void {
      position = { at, id: '' }
    },
    async look(): Promise<T[]> {
      const fresh = await read(++looks % lookBackEvery === 0 ? { at: back(position.at), id: '' } : position)
      const forgotten = back(back(position.at))
      for (const [id, at] of seen) if (at < forgotten) seen.delete(id)
      return fresh
    },
  }
}

function beyond(field: string, { at, id }: { at: string; id: string }): Filter[] {
  const since: Filter = { field, op: 'gte', value: at }
  if (id === '') return [since]
  const same: Filter = {
    and: [
      { field, op: 'eq', value: at },
      { field: 'id', op: 'gt', value: id },
    ],
  }
  // the first follows from the second; on its own it lets the search begin in the middle of an index
  return [since, { or: [{ field, op: 'gt', value: at }, same] }]
}
