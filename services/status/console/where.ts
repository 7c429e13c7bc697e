import { deliveryFields, type DeliveryField, type FieldSpec } from '../../../shared/contracts/api/fields.ts'
import type { Condition, Filter, FilterOp, FilterScalar } from '../../../shared/contracts/filter.ts'

/** One line of the filter builder: what the URL keeps. Values are as they were typed. */
export type Where = { field: DeliveryField; op: FilterOp; value: string }
/** The whole search, as it stands in the URL. `raw`: a filter in JSON instead of lines, for what lines cannot say. */
export type Search = { where: Where[]; match: 'all' | 'any'; raw: string | undefined; direction: 'asc' | 'desc' }

export const specOf = (field: DeliveryField): FieldSpec => deliveryFields[field]
export const fieldNames = Object.keys(deliveryFields) as DeliveryField[]

const opsOf = {
  text: ['eq', 'ne', 'like', 'in', 'not_in', 'is_null', 'lt', 'lte', 'gt', 'gte'],
  number: ['eq', 'ne', 'gte', 'lte', 'gt', 'lt', 'in', 'not_in', 'is_null'],
  time: ['gte', 'lte', 'gt', 'lt', 'eq', 'ne', 'is_null'],
  flag: ['eq', 'ne'],
} as const satisfies Record<string, readonly FilterOp[]>

export function operatorsOf(field: DeliveryField): readonly FilterOp[] {
  const { kind, ops, values } = specOf(field)
  if (ops) return ops
  return values ? ['in', 'not_in', 'eq', 'ne', 'is_null'] : opsOf[kind]
}

export const opWords: Record<FilterOp, string> = {
  eq: 'is',
  ne: 'is not',
  lt: 'before or below',
  lte: 'at most',
  gt: 'after or above',
  gte: 'at least',
  in: 'is one of',
  not_in: 'is none of',
  like: 'contains',
  is_null: 'is empty',
}
export const opWord = (field: DeliveryField, op: FilterOp): string =>
  specOf(field).kind === 'time'
    ? (({ gte: 'since', gt: 'after', lte: 'until', lt: 'before' } as Partial<Record<FilterOp, string>>)[op] ?? opWords[op])
    : opWords[op]

export function readSearch(query: string): Search {
  const params = new URLSearchParams(query)
  const where = params.getAll('where').flatMap((text): Where[] => {
    const [field = '', op = '', ...rest] = text.split(':')
    const known = fieldNames.find((name) => name === field)
    return known && op in opWords ? [{ field: known, op: op as FilterOp, value: rest.join(':') }] : []
  })
  return {
    where,
    match: params.get('match') === 'any' ? 'any' : 'all',
    raw: params.get('filter') ?? undefined,
    direction: params.get('order') === 'oldest' ? 'asc' : 'desc',
  }
}

export function writeSearch({ where, match, raw, direction }: Search): string {
  const params = new URLSearchParams()
  for (const { field, op, value } of raw === undefined ? where : []) params.append('where', `${field}:${op}:${value}`)
  if (raw !== undefined) params.set('filter', raw)
  if (match === 'any' && raw === undefined) params.set('match', 'any')
  if (direction === 'asc') params.set('order', 'oldest')
  return params.toString()
}

export const noSearch: Search = { where: [], match: 'all', raw: undefined, direction: 'desc' }
export const searchFor = (...where: [DeliveryField, FilterOp, string][]): string =>
  `/deliveries?${writeSearch({ ...noSearch, where: where.map(([field, op, value]) => ({ field, op, value })) })}`

/** @throws when the JSON filter is no JSON; what it says is judged by the service */
export function filterOf({ where, match, raw }: Search, now: number): Filter | undefined {
  if (raw !== undefined) return raw.trim() === '' ? undefined : (JSON.parse(raw) as Filter)
  const conditions = where.map((one) => conditionOf(one, now))
  if (conditions.length === 0) return undefined
  if (conditions.length === 1) return conditions[0]
  return match === 'any' ? { or: conditions } : { and: conditions }
}

function conditionOf({ field, op, value }: Where, now: number): Condition {
  if (op === 'is_null') return { field, op, value: value !== 'false' }
  if (op === 'in' || op === 'not_in') return { field, op, value: listOf(value).map((one) => scalarOf(field, one, now)) }
  return { field, op, value: scalarOf(field, value, now) }
}
export const listOf = (value: string): string[] =>
  value
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean)

const spans: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }
/** `-24h`: such a time means the same tomorrow, which a saved address should. */
const relativeTime = /^-(\d+)([smhd])$/

function scalarOf(field: DeliveryField, text: string, now: number): FilterScalar {
  const { kind } = specOf(field)
  if (kind === 'number') return text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text)
  if (kind === 'flag') return text === 'true'
  if (kind !== 'time') return text
  const [, count, span] = relativeTime.exec(text.trim()) ?? []
  if (count && span) return new Date(now - Number(count) * (spans[span] ?? 0)).toISOString()
  return Number.isNaN(Date.parse(text)) ? text : new Date(text).toISOString()
}

/** Both hold. */
export const both = (a: Filter | undefined, b: Filter): Filter => (a ? { and: [a, b] } : b)
