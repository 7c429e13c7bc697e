import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { FieldKind, FieldSpec, FieldSpecs } from '../contracts/api/fields.ts'
import type { Condition, Filter, FilterOp, FilterScalar, SortKey } from '../contracts/filter.ts'
import { invalid } from '../problem.ts'

/**
 * The filter language before it becomes SQL, the same for every dialect: what a filter may say, and what a cursor is.
 * `ne` and `not_in` also hold where the field is empty, because "everything but X" is what a person means by them.
 */
export type CheckedValue = string | number | boolean | null
export type CheckedCondition =
  | { field: string; op: Exclude<FilterOp, 'in' | 'not_in' | 'is_null'>; value: CheckedValue }
  | { field: string; op: 'in' | 'not_in'; value: CheckedValue[] }
  | { field: string; op: 'is_null'; value: boolean }
export type CheckedFilter = CheckedCondition | { and: CheckedFilter[] } | { or: CheckedFilter[] }

const maxDepth = 10
const maxConditions = 100

export function checkFilter(fields: FieldSpecs, filter: Filter): CheckedFilter {
  let conditions = 0
  const check = (part: Filter, path: string, depth: number): CheckedFilter => {
    if ('field' in part) {
      if (++conditions > maxConditions) refuse('filter', `has more than ${maxConditions} conditions`)
      return checkCondition(fields, part, path)
    }
    if (depth >= maxDepth) refuse(path, `is nested more than ${maxDepth} levels deep`)
    if ('and' in part) return { and: part.and.map((inner, i) => check(inner, `${path}.and[${i}]`, depth + 1)) }
    return { or: part.or.map((inner, i) => check(inner, `${path}.or[${i}]`, depth + 1)) }
  }
  return check(filter, 'filter', 0)
}

function checkCondition(fields: FieldSpecs, { field, op, value }: Condition, path: string): CheckedCondition {
  const spec = findField(fields, field, `${path}.field`)
  if (spec.ops && !spec.ops.includes(op)) refuse(`${path}.op`, `${field} can be asked with ${spec.ops.join(', ')} only`)
  if (op === 'is_null') {
    if (typeof value !== 'boolean') return refuse(`${path}.value`, 'must be true or false with `is_null`')
    return { field, op, value }
  }
  if (op === 'in' || op === 'not_in') {
    if (!Array.isArray(value)) return refuse(`${path}.value`, `must be an array with \`${op}\``)
    return { field, op, value: value.map((one, i) => checkValue(spec, one, `${path}.value[${i}]`)) }
  }
  if (Array.isArray(value)) return refuse(`${path}.value`, `must not be an array with \`${op}\`; \`in\` and \`not_in\` take one`)
  if (op === 'like' && spec.kind !== 'text') refuse(`${path}.op`, `\`like\` works on text, and ${field} is a ${spec.kind}`)
  if (op === 'eq' || op === 'ne') return { field, op, value: checkValue(spec, value, `${path}.value`) }
  if (spec.kind === 'flag') refuse(`${path}.op`, `${field} is true or false and has no order`)
  if (value === null) return refuse(`${path}.value`, `must not be null with \`${op}\`; \`is_null\` asks whether a field is empty`)
  // A part of a word is no value of its own: `like` may ask for "fail".
  return { field, op, value: checkValue(op === 'like' ? { kind: spec.kind } : spec, value, `${path}.value`) }
}

const time = z.union([z.iso.datetime({ offset: true }), z.iso.date()])

const checks: Record<FieldKind, (value: NonNullable<FilterScalar>) => CheckedValue | undefined> = {
  // SQL engines end a text at U+0000, or refuse it.
  text: (value) => (typeof value === 'string' && !value.includes('\0') ? value : undefined),
  number: (value) => (typeof value === 'number' ? value : undefined),
  flag: (value) => (typeof value === 'boolean' ? value : undefined),
  time: (value) => (time.safeParse(value).success ? Date.parse(value as string) : undefined),
}
const wanted: Record<FieldKind, string> = {
  text: 'must be a string without U+0000',
  number: 'must be a number',
  flag: 'must be true or false',
  time: 'must be an ISO 8601 time such as "2026-04-15T09:00:00Z", with an offset or Z, or a date',
}

function checkValue(spec: Pick<FieldSpec, 'kind' | 'values'>, value: FilterScalar, path: string): CheckedValue {
  if (value === null) return null
  const checked = checks[spec.kind](value)
  if (checked === undefined) return refuse(path, wanted[spec.kind])
  if (spec.values && !spec.values.includes(checked as string)) refuse(path, `must be one of ${spec.values.join(', ')}`)
  return checked
}

function findField(fields: FieldSpecs, name: string, path: string): FieldSpec {
  const spec = Object.hasOwn(fields, name) ? fields[name] : undefined
  return spec ?? refuse(path, `there is no field "${name}" here; known: ${Object.keys(fields).join(', ')}`)
}

function refuse(field: string, message: string): never {
  throw invalid([{ path: [field], message }])
}

export type CheckedSort = { field: string; descending: boolean; always: boolean }[]

/** The id ends every sort, so that no two rows are equal and no page can begin between equals. */
export function checkSort(fields: FieldSpecs, sort: SortKey[]): CheckedSort {
  const checked: CheckedSort = sort.map(({ field, direction }, i) => {
    const spec = findField(fields, field, `sort[${i}].field`)
    if (spec.ops) refuse(`sort[${i}].field`, `${field} can only be searched, and is no order`)
    if (sort.findIndex((key) => key.field === field) < i) refuse(`sort[${i}].field`, `"${field}" is sorted by already`)
    return { field, descending: direction === 'desc', always: spec.always ?? false }
  })
  if (checked.some((key) => key.field === 'id')) return checked
  return [...checked, { field: 'id', descending: checked.at(-1)?.descending ?? true, always: true }]
}

export type CheckedQuery = { filter: CheckedFilter | undefined; sort: CheckedSort; limit: number; after: CursorValue[] | undefined }
export type CursorValue = string | number | null
export type QueryRequest = { filter?: Filter | undefined; sort?: SortKey[] | undefined; limit: number; after?: string | undefined }

export const newestFirst: SortKey[] = [{ field: 'created_at', direction: 'desc' }]

export function checkQuery(fields: FieldSpecs, { filter, sort, limit, after }: QueryRequest): CheckedQuery {
  const query = { filter: filter && checkFilter(fields, filter), sort: checkSort(fields, sort?.length ? sort : newestFirst), limit }
  return { ...query, after: after === undefined ? undefined : readCursor(query, after) }
}

const Cursor = z.tuple([z.string(), z.array(z.union([z.string(), z.number(), z.null()]))])
type Ordering = Pick<CheckedQuery, 'filter' | 'sort'>

/** Where a page ended: the last row's sort values, sealed with a hash over them and over what was asked. */
export function writeCursor(query: Ordering, values: CursorValue[]): string {
  return Buffer.from(JSON.stringify([sealOf(query, values), values])).toString('base64url')
}

function readCursor(query: Ordering, cursor: string): CursorValue[] {
  const bytes = Buffer.from(cursor, 'base64url')
  const [seal, values] = parseCursor(bytes.toString('utf8')) ?? ['', []]
  // Decoding skips foreign characters; the comparison with the text that these bytes give finds them.
  if (bytes.toString('base64url') !== cursor || seal !== sealOf(query, values)) {
    refuse('after', 'is no cursor of this filter and sort; give `meta.next_cursor` unchanged, with the same filter and sort')
  }
  return values
}

function parseCursor(text: string): z.infer<typeof Cursor> | undefined {
  try {
    return Cursor.parse(JSON.parse(text))
  } catch {
    // not written by us: the caller refuses it like any other wrong cursor
    return undefined
  }
}

const sealOf = ({ filter, sort }: Ordering, values: CursorValue[]) =>
  createHash('sha256')
    .update(JSON.stringify([filter ?? null, sort, values]))
    .digest('base64url')
    .slice(0, 16)
