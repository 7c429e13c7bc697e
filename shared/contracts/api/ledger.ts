import { z } from 'zod'
import { PageQuery, listOf, time } from './list.ts'

const moment = z.iso.datetime({ offset: true })
const count = (what: string) => z.number().int().describe(what)

export const LedgerQuery = PageQuery.extend({
  from: moment.optional().describe('Events accepted at or after this, RFC 3339; 24 hours before `to` when left out.'),
  to: moment.optional().describe('Events accepted before this, RFC 3339; now when left out.'),
})

const Imbalance = z.object({
  event_id: z.string(),
  accepted_at: time('When it was accepted.'),
  reason: z
    .enum(['not_counted', 'deliveries_missing', 'deliveries_unexpected', 'attempts_missing'])
    .describe(
      '`not_counted`: fanned out, and it is not known to how many · `deliveries_missing`, `deliveries_unexpected`: fewer, or more, than webhooks matched · `attempts_missing`: a delivery has succeeded or failed, and the log has no finished attempt of it.',
    ),
  matched: count('Webhooks that matched.').nullable(),
  deliveries: count('Deliveries that there are.'),
})

export const Ledger = z
  .object({
    from: time('Beginning of the range.'),
    to: time('End of the range, itself not included.'),
    balanced: z.boolean().describe('Whether `accepted` is the sum of the five that follow it, and no event is named under `imbalances`.'),
    accepted: count('Events accepted in the range. Each is counted once, in the first of these that holds for it:'),
    pending: count('Not fanned out yet, or a delivery of it is still open.'),
    matched_nothing: count('No webhook wanted it.'),
    failed: count('A delivery of it failed for good.'),
    delivered: count('All were delivered, but for those that were cancelled.'),
    cancelled: count('All were cancelled.'),
    not_fanned_out: count('Of the pending ones, those that were not matched against the subscriptions yet.'),
    deliveries: z
      .object({ pending: count(''), retrying: count(''), succeeded: count(''), failed: count(''), cancelled: count('') })
      .describe('Deliveries of these events, by status.'),
    partials: z
      .object({ waiting: count(''), accepted: count(''), discarded: count(''), failed: count('') })
      .describe(
        'Partial events received in the range: they wait to be looked up at their source, and are then accepted as events, discarded, or given up.',
      ),
    unbalanced: count('How many events do not add up.'),
    imbalances: listOf(Imbalance).describe('These events, oldest first.'),
  })
  .meta({ id: 'Ledger' })
export type Ledger = z.infer<typeof Ledger>
