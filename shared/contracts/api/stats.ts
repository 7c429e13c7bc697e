import { z } from 'zod'
import { time } from './list.ts'

const count = (what: string) => z.int().describe(what)

export const StatsQuery = z.strictObject({
  minutes: z.coerce.number().int().min(5).max(1_440).default(60).describe('How far to look back, 5 to 1440.'),
})

export const Stats = z
  .object({
    from: time('Beginning of the first minute.'),
    to: time('When this was found.'),
    minutes: z
      .array(
        z.object({
          at: time('Beginning of the minute.'),
          accepted: count('Events accepted.'),
          succeeded: count('Attempts begun in it that were answered 2xx.'),
          failed: count('Attempts begun in it that ended otherwise.'),
        }),
      )
      .describe('Each minute of the time, in order; the last is under way.'),
    success_rate: z.number().nullable().describe('Share of the attempts that succeeded, 0 to 1; null: there was none.'),
    latency: z
      .object({
        p50_ms: z.number().describe('Half of them took at most this, milliseconds.'),
        p99_ms: z.number().describe('99 of 100 took at most this, milliseconds.'),
        deliveries: count('Of how many deliveries.'),
      })
      .nullable()
      .describe('From acceptance to the answer 2xx, retries included, of the latest deliveries of the time; null: there was none.'),
    backlog: z
      .object({
        pending: count('Deliveries not tried yet.'),
        retrying: count('Deliveries that failed and will be tried again.'),
        due: count('Of both, those whose time has come.'),
        oldest_accepted_at: time('When the event of the longest due one was accepted.').nullable(),
        limit: count('No figure here goes beyond this: there may be more.'),
      })
      .describe('What is not delivered yet.'),
  })
  .meta({ id: 'Stats' })
export type Stats = z.infer<typeof Stats>

export const HealthQuery = z.strictObject({
  hours: z.coerce.number().int().min(1).max(168).default(24).describe('How far to look back, 1 to 168.'),
})

export const Health = z
  .object({
    stretch_ms: count('Length of one stretch, milliseconds.'),
    from: time('Beginning of the first stretch.'),
    webhooks: z.array(
      z.object({
        webhook_id: z.string(),
        stretches: z
          .array(
            z.object({ at: time('Beginning.'), succeeded: count('Attempts that succeeded.'), failed: count('Attempts that did not.') }),
          )
          .describe('Those with attempts, in order.'),
      }),
    ),
  })
  .meta({ id: 'WebhookHealth' })
export type Health = z.infer<typeof Health>
