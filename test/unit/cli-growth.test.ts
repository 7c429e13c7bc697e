import { describe, expect, it } from 'vitest'
import { createGrowth, type Source } from '../../infra/cli/common/growth.ts'
import type { Condition, Filter } from '../../shared/contracts/filter.ts'

type Row = { id: string; at: string }
const at = (ms: number) => new Date(Date.UTC(2026, 3, 15) + ms).toISOString()

/** A log in memory that answers the filters that are asked of it. */
function createLog() {
  const rows: Row[] = []
  let pages = 0
  const valueOf = (row: Row, field: string) => (field === 'id' ? row.id : row.at)
  const holds = (row: Row, filter: Filter): boolean => {
    if ('and' in filter) return filter.and.every((one) => holds(row, one))
    if ('or' in filter) return filter.or.some((one) => holds(row, one))
    const { field, op, value } = filter as Condition & { value: string }
    const own = valueOf(row, field)
    return op === 'eq' ? own === value : op === 'gt' ? own > value : own >= value
  }
  const source: Source<Row> = {
    field: 'at',
    timeOf: (row) => row.at,
    async page(filter, direction, limit) {
      pages++
      const found = rows.filter((row) => !filter || holds(row, filter)).sort((a, b) => (a.at + a.id < b.at + b.id ? -1 : 1))
      return (direction === 'asc' ? found : found.reverse()).slice(0, limit)
    },
  }
  return { rows, source, pages: () => pages }
}

describe('following a log', () => {
  it('begins at its end, and gives each new row once', async () => {
    const { rows, source } = createLog()
    rows.push({ id: 'old', at: at(0) })
    const growth = createGrowth(source, [])
    expect(await growth.begin()).toBe(at(0))
    expect(await growth.look()).toEqual([])

    rows.push({ id: 'a', at: at(10) }, { id: 'b', at: at(10) }, { id: 'c', at: at(11) })
    expect((await growth.look()).map(({ id }) => id)).toEqual(['a', 'b', 'c'])
    expect(await growth.look()).toEqual([])
  })

  it('goes over more rows than a page has, of one millisecond too', async () => {
    const { rows, source, pages } = createLog()
    const growth = createGrowth(source, [])
    await growth.begin()
    for (let n = 0; n < 450; n++) rows.push({ id: String(n).padStart(4, '0'), at: at(5) })

    expect((await growth.look()).map(({ id }) => id)).toEqual(rows.map(({ id }) => id))
    const before = pages()
    expect(await growth.look()).toEqual([])
    expect(pages() - before).toBe(1)
  })

  it('finds what came to the log later than its time says, and no row twice', async () => {
    const { rows, source } = createLog()
    rows.push({ id: 'old', at: at(0) })
    const growth = createGrowth(source, [])
    await growth.begin()
    rows.push({ id: 'm', at: at(20_000) })
    const seen = [...(await growth.look())]
    rows.push({ id: 'late', at: at(12_000) }, { id: 'k', at: at(20_000) })
    for (let n = 0; n < 8; n++) seen.push(...(await growth.look()))

    expect(seen.map(({ id }) => id).sort()).toEqual(['k', 'late', 'm'])
  })

  it('begins at a time, and at the beginning of a log that is empty', async () => {
    const { rows, source } = createLog()
    const [fromStart, fromTime] = [createGrowth(source, []), createGrowth(source, [])]
    expect(await fromStart.begin()).toBeUndefined()
    fromTime.beginAt(at(5))
    rows.push({ id: 'a', at: at(1) }, { id: 'b', at: at(5) })

    expect((await fromStart.look()).map(({ id }) => id)).toEqual(['a', 'b'])
    expect((await fromTime.look()).map(({ id }) => id)).toEqual(['b'])
  })
})
