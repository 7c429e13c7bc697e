import { z } from 'zod'

/** The filter language of the log: Ptolemy's, `{field, op, value}` nested in `and` and `or`. */
export const FilterOp = z.enum(['eq', 'ne', 'lt', 'lte', 'gt', 'gte', 'in', 'not_in', 'like', 'is_null'])
export type FilterOp = z.infer<typeof FilterOp>

export type FilterScalar = string | number | boolean | null
export type Condition = { field: string; op: FilterOp; value: FilterScalar | FilterScalar[] }
export type Filter = Condition | { and: Filter[] } | { or: Filter[] }

const scalar = z.union([z.string().max(3072), z.number(), z.boolean(), z.null()])
const Condition = z.strictObject({
  field: z.string().describe('A field of the record, see the table of fields.'),
  op: FilterOp.describe(
    '`like` is a case-insensitive substring in which `%` and `_` are ordinary; `in` and `not_in` take an array; `is_null` takes a boolean.',
  ),
  value: z.union([scalar, z.array(scalar).max(1000)]),
})

export const Filter: z.ZodType<Filter> = z
  .lazy(() =>
    z.union([Condition, z.strictObject({ and: z.array(Filter).min(1).max(50) }), z.strictObject({ or: z.array(Filter).min(1).max(50) })]),
  )
  .describe('A condition, or `and`/`or` of further filters, at most 10 levels deep.')

export const SortKey = z.strictObject({ field: z.string(), direction: z.enum(['asc', 'desc']).default('asc') })
export type SortKey = z.infer<typeof SortKey>

export const FilterRequest = z.strictObject({
  filter: Filter.optional(),
  sort: z.array(SortKey).max(3).optional().describe('Default: newest first.'),
  limit: z.int().min(1).max(200).default(50).describe('Records per page.'),
  after: z.string().max(2000).optional().describe('`meta.next_cursor` of the page before. Give the same filter and sort with it.'),
})
export type FilterRequest = z.infer<typeof FilterRequest>
