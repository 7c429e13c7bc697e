import { z } from 'zod'
import { listOf } from './list.ts'

const flag = z.enum(['true', 'false']).optional()

/** Sesam's request parameters of a push. */
export const ScanQuery = z.object({
  sequence_id: z.string().max(200).optional().describe('Names a scan in parts, yours to choose. Left out: the request is a whole scan.'),
  is_full: flag.describe('Whether entities that the scan does not have are deleted at its end; so when it is left out.'),
  request_id: z.string().max(200).optional().describe('Names the part within its sequence.'),
  previous_request_id: z.string().max(200).optional().describe('`request_id` of the part before; 409 when it is another.'),
  is_first: flag.describe('Begins the sequence. Any other of the source that still runs is broken by it.'),
  is_last: flag.describe('Ends the sequence: only now entities are deleted.'),
  allow_empty: flag.describe('Lets a full scan without any entity delete all that there are; refused with 409 without it.'),
})

export const ScanResult = z
  .object({
    id: z.string().describe('The `sequence_id`, or one that was made.'),
    is_full: z.boolean(),
    status: z.enum(['running', 'finished', 'broken']).describe('`running`: more parts are expected.'),
    created: z.int().describe('Entities that were new; of all parts so far, like those that follow.'),
    updated: z.int().describe('Entities that had changed.'),
    deleted: z.int().describe('Entities that are gone.'),
    unchanged: z.int().describe('Entities that were known as they are; no event tells of them.'),
  })
  .meta({ id: 'ScanResult' })
export type ScanResult = z.infer<typeof ScanResult>

export const EntitiesQuery = z.strictObject({
  since: z.coerce
    .number()
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .default(0)
    .describe('`_updated` of the last entity that you have, or `meta.next_cursor`; what has changed after it is returned.'),
  limit: z.coerce.number().int().min(1).max(1_000).default(100).describe('Entities per page, 1 to 1,000.'),
})

const CollectedEntity = z
  .looseObject({
    _id: z.string(),
    _deleted: z.boolean(),
    _updated: z.int().describe('Grows with every change in the source; the cursor.'),
    _hash: z.string().describe('SHA-256 over its content.'),
    _ts: z.int().describe('When it was last changed here, microseconds since 1970.'),
  })
  .meta({ id: 'CollectedEntity', description: 'The latest version of an entity, with all of its own members.' })
export const CollectedList = listOf(CollectedEntity)
