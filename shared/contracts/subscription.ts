import { z } from 'zod'

export const EventTypePattern = z
  .string()
  .max(200)
  .regex(/^(\*|[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*(\.\*)?)$/, 'must be an event type (`table.updated`), a prefix (`table.*`) or `*`')
  .describe('`table.updated` exactly, `table.*` for every type below `table.`, or `*` for all.')

const names = (what: string) => z.array(z.string().min(1).max(3072)).min(1).max(100).optional().describe(what)

/** Every member given must hold; a member holds when any of its values does. */
export const SubscriptionFilters = z
  .strictObject({
    sources: names('Names of sources.'),
    entity_types: names('Entity types, for example `table`.'),
    names: names("Globs over the entity's fully qualified name: `*` any run of characters, `?` one, everything else literal."),
    domains: names('Domains of the entity.'),
    owners: names('Owners, any of which the entity has.'),
    tags: names('Tags, any of which the entity carries.'),
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
