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

/** Where each field of a filter stands in SQL. A flag stands as a number: `${webhooks.active}::int`. Bytes are searched, and no more. */
export type Columns<Field extends string = string> = Record<Field, SQLWrapper | SearchedBytes>

/** Bytes as a text of one letter for each: what is no UTF-8 is no fault. One with U+0000, which no text may hold, is not found. */
export class SearchedBytes {
  readonly text: SQL
  constructor(column: SQLWrapper) {
    this.text = sql`(case when position('\\x00'::bytea in ${column}) = 0 then convert_from(${column}, 'LATIN1') end collate "C")`
  }
}

/** Values reach SQL as parameters only; names reach it only through `columns`. */
export function whereOf(columns: Columns, filter: CheckedFilter | undefined): SQL | undefined {
  if (!filter) return undefined
  if ('and' in filter) return and(...filter.and.map((part) => whereOf(columns, part)))
  if ('or' in filter) return or(...filter.or.map((part) => whereOf(columns, part)))
  const column = columns[filter.field]
  if (column instanceof SearchedBytes) return likeOf(column.text, Buffer.from(String(filter.value)).toString('latin1'))
  return conditionOf(columnOf(columns, filter.field), filter)
}

function conditionOf(column: SQLWrapper, { op, value }: CheckedCondition): SQL {
  switch (op) {
    case 'eq':
      return equals(column, value)
    case 'ne':
      return sql`${column} is distinct from ${bound(value)}`
    case 'lt':
      return sql`${column} < ${bound(value)}`
    case 'lte':
      return sql`${column} <= ${bound(value)}`
    case 'gt':
      return sql`${column} > ${bound(value)}`
    case 'gte':
      return sql`${column} >= ${bound(value)}`
    case 'like':
      return likeOf(column, String(value))
    case 'is_null':
      return value ? sql`${column} is null` : sql`${column} is not null`
    case 'in':
      return value.includes(null) ? sql`(${column} is null or ${column} = any(${listOf(value)}))` : sql`${column} = any(${listOf(value)})`
    case 'not_in':
      return value.includes(null)
        ? sql`(${column} is not null and ${column} <> all(${listOf(value)}))`
        : sql`(${column} is null or ${column} <> all(${listOf(value)}))`
  }
}

/** Said plainly, since Postgres uses no index for `is not distinct from`. */
const equals = (column: SQLWrapper, value: CheckedValue): SQL =>
  value === null ? sql`${column} is null` : sql`${column} = ${bound(value)}`

/** Letters of ASCII alone are the same in both sizes, as in SQLite: the columns are ordered by their bytes. */
const likeOf = (text: SQLWrapper, value: string): SQL => sql`${text} ilike ${`%${value.replace(/[\\%_]/g, '\\$&')}%`}`

/** A number says what it is: as the column's own type, one too large or with a fraction would be a fault. */
const bound = (value: CheckedValue): SQL | string | null => {
  if (typeof value === 'boolean') return sql`${Number(value)}::int`
  if (typeof value !== 'number') return value
  return Number.isSafeInteger(value) ? sql`${value}::bigint` : sql`${value}::float8`
}

/** One parameter however long the list: Postgres takes 65,535 at most. */
function listOf(values: CheckedValue[]): SQL {
  const list = values.filter((value) => value !== null).map((value) => (typeof value === 'boolean' ? Number(value) : value))
  if (list.every((value) => typeof value === 'string')) return sql`${sql.param(list)}::text[]`
  return list.every(Number.isSafeInteger) ? sql`${sql.param(list)}::bigint[]` : sql`${sql.param(list)}::float8[]`
}

/** Rows without a value come first when ascending and last when descending, as in SQLite. Said only where there are such: it is not the order of an index. */
export const orderOf = (columns: Columns, sort: CheckedSort): SQL[] =>
  sort.map(({ field, descending, always }) => {
    const column = columnOf(columns, field)
    if (always) return descending ? sql`${column} desc` : sql`${column} asc`
    return descending ? sql`${column} desc nulls last` : sql`${column} asc nulls first`
  })

/** Rows that come after the one with these sort values. */
export function beyond(columns: Columns, sort: CheckedSort, values: CursorValue[] | undefined): SQL | undefined {
  if (!values) return undefined
  const alternatives = sort.map((_, i) => {
    const equal = sort.slice(0, i).map((key, j) => equals(columnOf(columns, key.field), values[j] ?? null))
    return and(...equal, after(columns, sort, i, values[i] ?? null))
  })
  return and(boundOf(columns, sort, values), or(...alternatives))
}

function after(columns: Columns, sort: CheckedSort, i: number, value: CursorValue): SQL {
  const { field, descending, always } = sort[i] as CheckedSort[number]
  const column = columnOf(columns, field)
  if (value === null) return descending ? sql`false` : sql`${column} is not null`
  if (!descending) return sql`${column} > ${bound(value)}`
  return always ? sql`${column} < ${bound(value)}` : sql`(${column} < ${bound(value)} or ${column} is null)`
}

/** Follows from the alternatives; said on its own, it lets Postgres start in the middle of an index. */
function boundOf(columns: Columns, sort: CheckedSort, values: CursorValue[]): SQL | undefined {
  const [first] = sort
  if (!first?.always) return undefined
  const column = columnOf(columns, first.field)
  const value = bound(values[0] ?? null)
  return first.descending ? sql`${column} <= ${value}` : sql`${column} >= ${value}`
}

function columnOf(columns: Columns, field: string): SQLWrapper {
  const column = columns[field]
  if (!column || column instanceof SearchedBytes) throw new Error(`the field ${field} has no column`)
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
