import { z } from 'zod'

/** The body of a 202: durable from here on. */
export const Accepted = z
  .object({
    events: z
      .array(
        z.object({
          id: z.string().describe('Id of the event in Tidings, and `webhook-id` of every request that delivers it. UUIDv7.'),
          duplicate: z.boolean().describe('The same event was accepted before; this is its id, and nothing is delivered twice.'),
        }),
      )
      .describe('In the order of the request.'),
    partials: z
      .array(z.object({ id: z.string(), duplicate: z.boolean() }))
      .optional()
      .describe('Of a source with a lookup: events that say only that something happened. Each becomes an event once it is looked up.'),
  })
  .meta({ id: 'Accepted' })
export type Accepted = z.infer<typeof Accepted>

export const IdempotencyKey = z
  .string()
  .min(1)
  .max(255)
  .optional()
  .describe('Makes the whole request repeatable: the same key with the same body answers as the first time, with another body 409.')
