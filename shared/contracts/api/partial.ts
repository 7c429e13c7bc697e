import { z } from 'zod'
import { PageQuery, time } from './list.ts'

const states = ['waiting', 'accepted', 'discarded', 'failed'] as const

export const PartialEvent = z
  .object({
    id: z.string(),
    source: z.string().describe('Name of the source.'),
    source_event_id: z.string().nullable().describe('What a repeat is told by, for 7 days; null: there is nothing.'),
    type: z.string().describe('The event type, as the adapter read it.'),
    entity_type: z.string().nullable(),
    entity_id: z.string().nullable().describe('The entity that is looked up.'),
    status: z
      .enum(states)
      .describe(
        '`waiting`: for its lookup. `accepted`: it became an event. `discarded`: its entity is not there. `failed`: no lookup led to anything.',
      ),
    attempts: z.int().describe('Lookups so far.'),
    next_attempt_at: time('When the next lookup is due.').nullable(),
    last_status_code: z.int().nullable().describe('What the last lookup was answered; null: nothing.'),
    reason: z.string().nullable().describe('Why it is not accepted (yet).'),
    event_id: z.string().nullable().describe('The event that it became; null, while accepted: it said nothing new.'),
    data: z.unknown().describe('The partial event as it came.'),
    received_at: time('When it came, for the last time.'),
    updated_at: time('When its status was last changed.'),
  })
  .meta({ id: 'PartialEvent' })
export type PartialEvent = z.infer<typeof PartialEvent>

export const PartialsQuery = PageQuery.extend({ state: z.enum(states).optional().describe('Those of one status alone.') })

export const PartialParams = z.object({
  name: z.string().describe('Name of the source.'),
  id: z.string().describe('Id of the partial event.'),
})
