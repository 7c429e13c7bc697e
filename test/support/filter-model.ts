import type { Condition, Filter, FilterScalar, SortKey } from '../../shared/contracts/filter.ts'

/** The filter language once more, over plain records in memory, written to be read and not to be fast. */
export type Value = string | number | null
export type FlatRecord = { id: string; [field: string]: Value }

const times = /_at$/

export function holds(filter: Filter, record: FlatRecord): boolean {
  if ('and' in filter) return filter.and.every((part) => holds(part, record))
  if ('or' in filter) return filter.or.some((part) => holds(part, record))
  return conditionHolds(filter, record[filter.field] ?? null)
}

function conditionHolds({ field, op, value }: Condition, held: Value): boolean {
  const wanted = (one: FilterScalar): Value => (one !== null && times.test(field) ? Date.parse(one as string) : (one as Value))
  const list = () => (value as FilterScalar[]).map(wanted)
  const single = () => wanted(value as FilterScalar)
  switch (op) {
    case 'eq':
      return held === single()
    case 'ne':
      return held !== single()
    case 'in':
      return list().includes(held)
    case 'not_in':
      return !list().includes(held)
    case 'is_null':
      return (held === null) === value
    case 'like':
      return held !== null && lower(held as string).includes(lower(value as string))
    case 'lt':
      return held !== null && compareValues(held, single()) < 0
    case 'lte':
      return held !== null && compareValues(held, single()) <= 0
    case 'gt':
      return held !== null && compareValues(held, single()) > 0
    case 'gte':
      return held !== null && compareValues(held, single()) >= 0
  }
}

/** ASCII alone, as documented. */
const lower = (text: string) => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())

/** Nothing before something; text by its UTF-8 bytes. */
function compareValues(a: Value, b: Value): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1
  return typeof a === 'string' ? Buffer.compare(Buffer.from(a), Buffer.from(b as string)) : a - (b as number)
}

export function select(records: FlatRecord[], filter: Filter | undefined, sort: SortKey[]): string[] {
  const keys = [...sort, { field: 'id', direction: sort.at(-1)?.direction ?? 'desc' }]
  const order = (a: FlatRecord, b: FlatRecord) => {
    for (const { field, direction } of keys) {
      const difference = compareValues(a[field] ?? null, b[field] ?? null)
      if (difference !== 0) return direction === 'desc' ? -difference : difference
    }
    return 0
  }
  return records
    .filter((record) => !filter || holds(filter, record))
    .sort(order)
    .map((record) => record.id)
}
