import { z } from 'zod'

export const EventTypePattern = z
  .string()
  .max(200)
  .regex(
    /^(\*|\*\.[A-Za-z0-9_-]+|[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*(\.\*)?)$/,
    'must be an event type (`table.updated`), a prefix (`table.*`), a last word (`*.updated`) or `*`',
  )
  .describe(
    '`table.updated` exactly, `table.*` for every type below `table.`, `*.updated` for every type that ends in `.updated`, or `*` for all.',
  )

const names = (what: string) => z.array(z.string().min(1).max(3072)).min(1).max(100).optional().describe(what)

const words = z.string().min(1).max(3072)
const tokens = (what: string) => z.array(words).max(100).optional().describe(what)

/** An event filter of OpenMetadata without its event type, which is the subscription's. `shared/openmetadata-filter.ts` judges by it. */
export const OpenMetadataFilter = z
  .strictObject({
    entities: z.array(words).min(1).max(100).optional().describe('Entity types; `*`, or left out: all.'),
    include: tokens(
      'Names of fields, one of which must have changed (`tags`, `owner`, `description`, `tier`), and `domain:<name>`, one of which the entity must belong to. Of a dotted name the last part counts.',
    ),
    exclude: tokens('The same words; an event for which any of them holds is not wanted.'),
  })
  .describe('A filter in the words of OpenMetadata. All members given must hold.')
export type OpenMetadataFilter = z.infer<typeof OpenMetadataFilter>

/** Every member given must hold; a member holds when any of its values does. */
export const SubscriptionFilters = z
  .strictObject({
    sources: names('Names of sources.'),
    entity_types: names('Entity types, for example `table`.'),
    names: names("Globs over the entity's fully qualified name: `*` any run of characters, `?` one, everything else literal."),
    domains: names('Domains of the entity.'),
    owners: names('Owners, any of which the entity has.'),
    tags: names('Tags, any of which the entity carries.'),
    open_metadata: OpenMetadataFilter.optional(),
  })
  .describe('Further conditions on the entity. All members given must hold; within one, any value.')
export type SubscriptionFilters = z.infer<typeof SubscriptionFilters>

/** Subscriptions are never edited, only added and removed, so that any past match can be explained from them. */
export const SubscriptionInput = z.strictObject({
  event_type: EventTypePattern,
  filters: SubscriptionFilters.optional(),
})
export type SubscriptionInput = z.infer<typeof SubscriptionInput>

export type Subscription = {
  id: string
  organizationId: string
  webhookId: string
  eventType: string
  filters: SubscriptionFilters
  createdAt: number
  deletedAt: number | null
}
