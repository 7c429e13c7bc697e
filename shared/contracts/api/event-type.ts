import { z } from 'zod'
import { EventTypeName } from '../event.ts'
import { time } from './list.ts'

const description = z.string().max(2000).nullable().describe('What it means, for people.')
const schema = z
  .union([z.record(z.string(), z.unknown()), z.boolean()])
  .nullable()
  .describe("JSON Schema of the event's `data`.")

export const EventTypeInput = z
  .strictObject({ description: description.default(null), schema: schema.default(null) })
  .meta({ id: 'EventTypeInput', example: { description: 'A table changed.', schema: { type: 'object', required: ['rows'] } } })

export const EventType = z
  .object({
    name: z.string(),
    description,
    schema,
    created_at: time('When it was first registered.'),
    updated_at: time('When it was last changed.'),
  })
  .meta({ id: 'EventType' })
export type EventType = z.infer<typeof EventType>

export const EventTypeParam = z.object({ name: EventTypeName })
