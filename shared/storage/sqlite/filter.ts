import { and, or, sql, type SQL, type SQLWrapper } from 'drizzle-orm'
import {
  writeCursor,
  type CheckedCondition,
  type CheckedFilter,
  type CheckedQuery,
  type CheckedSort,
  type CheckedValue,
  type CursorValue,
} from '../query.ts'
import type { Page } from '../storage.ts'

/** Where each field of a filter stands in SQL. */
export type Columns<Field extends string = string> = Record<Field, SQLWrapper>

/** Values reach SQL as parameters only; names reach it only through `columns`. */
export function whereOf(columns: Columns, filter: CheckedFilter | undefined): SQL | undefined {
  if (!filter) return undefined
  if ('and' in filter) return and(...filter.and.map((part) => whereOf(columns, part)))
  if ('or' in filter) return or(...filter.or.map((part) => whereOf(columns, part)))
  return conditionOf(columnOf(columns, filter.field), filter)
}

function conditionOf(column: SQLWrapper, { op, value }: CheckedCondition): SQL {
  switch (op) {
    case 'eq':
      return sql`${column} is ${bound(value)}`
    case 'ne':
      return sql`${column} is not ${bound(value)}`
    case 'lt':
      return sql`${column} < ${bound(value)}`
    case 'lte':
      return sql`${column} <= ${bound(value)}`
    case 'gt':
      return sql`${column} > ${bound(value)}`
    case 'gte':
      return sql`${column} >= ${bound(value)}`
    case 'like':
      return sql`${column} like ${`%${String(value).replace(/[\\%_]/g, '\\$&')}%`} escape '\\'`
    case 'is_null':
      return value ? sql`${column} is null` : sql`${column} is not null`
    case 'in':
      // said plainly, SQLite goes along the index of the one value, in its order
      if (value.length === 1) return sql`${column} is ${bound(value[0] ?? null)}`
      return value.includes(null) ? sql`(${column} is null or ${column} in ${listOf(value)})` : sql`${column} in ${listOf(value)}`
    case 'not_in':
      return value.includes(null)
        ? sql`(${column} is not null and ${column} not in ${listOf(value)})`
        : sql`(${column} is null or ${column} not in ${listOf(value)})`
  }
}

/** One parameter however long the list: SQLite takes 32,766 at most. */
const listOf = (values: CheckedValue[]) => sql`(select value from json_each(${JSON.stringify(values.filter((value) => value !== null))}))`

/** SQLite has no booleans. */
const bound = (value: CheckedValue) => (typeof value === 'boolean' ? Number(value) : value)

/** Rows without a value come first when ascending and last when descending: SQLite's own order, which `beyond` follows. */
export const orderOf = (columns: Columns, sort: CheckedSort): SQL[] =>
  sort.map(({ field, descending }) => (descending ? sql`${columnOf(columns, field)} desc` : sql`${columnOf(columns, field)} asc`))

/** Rows that come after the one with these sort values. */
export function beyond(columns: Columns, sort: CheckedSort, values: CursorValue[] | undefined): SQL | undefined {
  if (!values) return undefined
  const alternatives = sort.map((_, i) => {
    const equal = sort.slice(0, i).map((key, j) => sql`${columnOf(columns, key.field)} is ${values[j]}`)
    return and(...equal, after(columns, sort, i, values[i] ?? null))
  })
  return and(boundOf(columns, sort, values), or(...alternatives))
}

function after(columns: Columns, sort: CheckedSort, i: number, value: CursorValue): SQL {
  const { field, descending } = sort[i] as CheckedSort[number]
  const column = columnOf(columns, field)
  if (value === null) return descending ? sql`0` : sql`${column} is not null`
  return descending ? sql`(${column} < ${value} or ${column} is null)` : sql`${column} > ${value}`
}

/** Follows from the alternatives; said on its own, it lets SQLite start in the middle of an index. */
function boundOf(columns: Columns, sort: CheckedSort, values: CursorValue[]): SQL | undefined {
  const [first] = sort
  if (!first?.always) return undefined
  const column = columnOf(columns, first.field)
  return first.descending ? sql`${column} <= ${values[0]}` : sql`${column} >= ${values[0]}`
}

function columnOf(columns: Columns, field: string): SQLWrapper {
  const column = columns[field]
  if (!column) throw new Error(`the field ${field} has no column`)
  return column
}

/** The sort values of each row, selected beside it, for the cursor. */
export const sortKeys = (columns: Columns, sort: CheckedSort): Record<string, SQL<CursorValue>> =>
  Object.fromEntries(sort.map(({ field }) => [field, sql<CursorValue>`${columnOf(columns, field)}`]))

/** Makes a page of `limit + 1` rows that were asked for: the one too many only says that there are more. */
export function pageOf<Row>(query: CheckedQuery, found: { row: Row; keys: Record<string, CursorValue> }[]): Page<Row> {
  const page = found.slice(0, query.limit)
  const last = page.at(-1)
  const values = last && query.sort.map(({ field }) => last.keys[field] ?? null)
  return { rows: page.map(({ row }) => row), nextCursor: values && found.length > query.limit ? writeCursor(query, values) : null }
}
