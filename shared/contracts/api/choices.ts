import { z } from 'zod'

const schema = z.record(z.string(), z.unknown()).nullable().describe('JSON Schema of its settings; null: it has none.')

/** What can be named when a webhook or a source is registered. */
export const Choices = z
  .object({
    formats: z.array(
      z.object({
        name: z.string(),
        description: z.string(),
        batches: z.boolean().describe('Whether several events go into one request.'),
        settings: schema,
      }),
    ),
    schemes: z.array(
      z.object({
        name: z.string(),
        description: z.string(),
        for_webhooks: z.boolean().describe('Whether it works by its name alone, as webhooks need.'),
      }),
    ),
    adapters: z.array(
      z.object({
        name: z.string(),
        description: z.string(),
        scheme: z.string().nullable().describe('The scheme that its requests are verified with; null: by API key.'),
        settings: schema,
      }),
    ),
  })
  .meta({ id: 'Choices' })
export type Choices = z.infer<typeof Choices>
