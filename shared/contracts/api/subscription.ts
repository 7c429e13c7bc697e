import { z } from 'zod'
import { SubscriptionFilters, SubscriptionInput } from '../subscription.ts'
import { time } from './list.ts'

export const Subscription = z
  .object({
    id: z.string().describe('UUID.'),
    webhook_id: z.string(),
    event_type: z.string().describe('`table.updated` exactly, `table.*` for every type below `table.`, or `*` for all.'),
    filters: SubscriptionFilters,
    created_at: time('Since when it is in force.'),
  })
  .meta({ id: 'Subscription' })
export type Subscription = z.infer<typeof Subscription>

/** Ptolemy's bare array of event types; an object where filters are wanted too. */
export const SubscriptionSet = z
  .array(z.union([SubscriptionInput.shape.event_type, SubscriptionInput]))
  .max(1000)
  .meta({
    id: 'SubscriptionSet',
    description: 'The whole set: event types, or objects where filters are wanted too. `["*"]` is every event, `[]` none.',
    example: ['*'],
  })

export const SubscriptionParams = z.object({
  id: z.string().describe('Id of the webhook.'),
  subscriptionId: z.string().describe('Id of the subscription.'),
})
