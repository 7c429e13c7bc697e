import { z } from 'zod'
import { OpenMetadataWebhook } from './openmetadata.ts'

/** What the calls on OpenMetadata's webhook entity take and give, beside the entity itself. */
const include = z
  .enum(['non-deleted', 'deleted', 'all'])
  .default('non-deleted')
  .describe('Whether webhooks that were (softly) deleted are looked at.')
export const IncludeQuery = z.strictObject({ include })

const EntityPage = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50).describe('Records per page, 1 to 200.'),
  after: z.string().max(2000).optional().describe('`paging.after` of the page before.'),
})
const name = (what: string) => z.string().min(1).max(3072).optional().describe(what)

export const OpenMetadataListQuery = EntityPage.extend({
  owner: name('Name, fully qualified name or id of the owner.'),
  domain: name('Name, fully qualified name or id of the domain.'),
  tags: name('Tags, separated by commas, any of which the webhook carries.'),
  include,
})
export type OpenMetadataListQuery = z.infer<typeof OpenMetadataListQuery>

export const OpenMetadataDeliveryQuery = EntityPage

export const DeleteQuery = z.strictObject({
  hardDelete: z
    .stringbool({ truthy: ['true'], falsy: ['false'] })
    .default(false)
    .describe('For good, with all its versions.'),
})

export const VersionParams = z.object({
  id: z.string().describe('Id of the webhook.'),
  version: z.string().describe('For example `0.2`.'),
})

const Paging = z
  .object({ total: z.int(), after: z.string().optional().describe('Give it as `after` for the next page; not there on the last one.') })
  .meta({ id: 'OpenMetadataPaging' })
export const pagedOf = <T extends z.ZodType>(item: T) => z.object({ data: z.array(item), paging: Paging })

const at = z
  .string()
  .max(4096)
  .regex(/^(\/([^/~]|~[01])*)*$/, 'must be a JSON Pointer (RFC 6901), for example `/enabled`')
  // libraries pass over these names, and would act on what stands before them
  .refine((pointer) => !/\/(__proto__|constructor|prototype)(\/|$)/.test(pointer), 'must not name what every object has in JavaScript')
  .describe('A JSON Pointer into the entity as it is shown.')
const value = z.unknown().refine((given) => given !== undefined, 'is missing')

/** RFC 6902 §4: members that an operation does not define are ignored. */
const Operation = z.discriminatedUnion('op', [
  z.object({ op: z.literal('add'), path: at, value }),
  z.object({ op: z.literal('replace'), path: at, value }),
  z.object({ op: z.literal('test'), path: at, value }),
  z.object({ op: z.literal('remove'), path: at }),
  z.object({ op: z.literal('move'), from: at, path: at }),
  z.object({ op: z.literal('copy'), from: at, path: at }),
])
export const JsonPatch = z
  .array(Operation)
  .max(100)
  .meta({ id: 'JsonPatch', description: 'RFC 6902.', example: [{ op: 'replace', path: '/enabled', value: false }] })
export type JsonPatch = z.infer<typeof JsonPatch>

export const OpenMetadataTest = z
  .object({ eventId: z.string(), deliveryId: z.string() })
  .meta({ id: 'OpenMetadataWebhookTest', description: 'The event of type `webhook.test` that was accepted, and its delivery.' })

/** States of a delivery as this API names them. */
export const openMetadataStates = ['pending', 'awaitingRetry', 'succeeded', 'failed', 'abandoned'] as const

const moment = z.int().nullable()
export const OpenMetadataDelivery = z
  .object({
    id: z.string().describe('UUID; more of it at `/webhook-deliveries/{id}`.'),
    eventId: z.string(),
    eventType: z.string(),
    entityType: z.string().nullable(),
    entityId: z.string().nullable(),
    entityFullyQualifiedName: z.string().nullable(),
    status: z.enum(openMetadataStates).describe('`failed`: refused for good, or all retries used · `abandoned`: cancelled.'),
    attempts: z.int(),
    createdAt: z.int().describe('Times are milliseconds since 1970.'),
    lastAttemptAt: moment,
    nextAttempt: moment,
    deliveredAt: moment,
    lastStatusCode: z.int().nullable(),
    lastFailedReason: z.string().nullable(),
  })
  .meta({ id: 'OpenMetadataDelivery' })
export type OpenMetadataDelivery = z.infer<typeof OpenMetadataDelivery>

export const OpenMetadataHistory = z
  .object({ entityType: z.literal('webhook'), versions: z.array(OpenMetadataWebhook.partial()) })
  .meta({ id: 'OpenMetadataHistory', description: 'Newest first. Without status and failures, which are of the moment.' })
