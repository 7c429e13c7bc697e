import { z } from 'zod'

const Meta = z
  .object({
    next_cursor: z
      .string()
      .nullable()
      .describe(
        'Give it as `after` for the next page; null on the last one. Opaque, and good for this list with this filter and sort alone.',
      ),
    has_more: z.boolean().describe('Whether there is more than this page holds.'),
  })
  .meta({ id: 'ListMeta' })

/** The envelope of every list: `{data, meta: {next_cursor, has_more}}`. */
export const listOf = <T extends z.ZodType>(item: T) => z.object({ data: z.array(item), meta: Meta })

export const PageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50).describe('Records per page, 1 to 200.'),
  after: z.string().max(2000).optional().describe('`meta.next_cursor` of the page before.'),
})

export const LimitQuery = PageQuery.pick({ limit: true })

export const time = (what: string) =>
  z.iso.datetime().meta({ description: `${what} ISO 8601, UTC, milliseconds.`, example: '2026-04-15T09:00:03.000Z' })
export const IdParam = z.object({
  id: z.string().describe('Id of the record. An id of another organization is answered like one that does not exist.'),
})
