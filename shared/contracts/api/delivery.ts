import { z } from 'zod'
import { DeliveryState, Outcome } from '../delivery.ts'
import { Filter, FilterRequest } from '../filter.ts'
import { deliveryFields, fieldTable } from './fields.ts'
import { time } from './list.ts'

export const Delivery = z
  .object({
    id: z.string().describe('UUID, the same for the same event and webhook.'),
    webhook_id: z.string(),
    webhook_label: z.string().nullable(),
    webhook_url: z.string().describe("The webhook's URL of today. For keys that may not write, parts that look like a secret read `***`."),
    event_id: z.string(),
    event_type: z.string(),
    subscription_ids: z.array(z.string()).describe('Subscriptions that wanted the event; empty for an event sent to this webhook alone.'),
    cause: z
      .object({ kind: z.enum(['trigger', 'fallback', 'recipient']), webhook_id: z.string() })
      .nullable()
      .describe(
        'Set where no subscription asked for it but another webhook: it triggers this one (`trigger`), failed and is followed by this one (`fallback`), or tells owners, followers or admins, one of whom has this one (`recipient`).',
      ),
    batch_id: z.string().nullable().describe('Deliveries with the same one were sent in one request the first time; null: it was alone.'),
    status: DeliveryState,
    generation: z.int().describe('0, and one more for each redelivery.'),
    attempts: z.int().describe('Requests so far, all generations together.'),
    accepted_at: time('When the event was accepted.'),
    created_at: time('When the delivery was made.'),
    updated_at: time('When its status last changed.'),
    next_attempt_at: time('When it is tried (again). Null once it has ended, and while it is held.').nullable(),
    held: z
      .boolean()
      .describe('Whether it waits in the log because many others wait for its webhook already. The oldest first, when there is room.'),
    last_attempt_at: time('When it was last tried.').nullable(),
    delivered_at: time('When a receiver answered 2xx.').nullable(),
    last_outcome: Outcome.nullable(),
    last_status_code: z.int().nullable().describe('The HTTP status last answered.'),
    last_error: z.string().nullable().describe('Why there was no answer, the last time.'),
    reason: z.string().nullable().describe('Why it failed or was cancelled.'),
    source: z.string().describe('Source of the event.'),
    subject: z.string().nullable(),
    entity_type: z.string().nullable(),
    entity_id: z.string().nullable(),
    entity_name: z.string().nullable(),
  })
  .meta({ id: 'Delivery' })
export type Delivery = z.infer<typeof Delivery>

const SentRequest = z
  .object({
    method: z.literal('POST'),
    url: z.string().describe('For keys that may not write, parts that look like a secret read `***`.'),
    headers: z.record(z.string(), z.string()).describe('As they were sent; the values of custom headers are hidden.'),
    format: z.string(),
    bytes: z.int().describe('Length of the body in bytes.'),
    body_sha256: z.string().describe('SHA-256 of the bytes that were sent, in hexadecimal.'),
    body: z
      .string()
      .nullable()
      .describe('The body that was sent, rendered again from the stored event; null when that gives other bytes, see `body_note`.'),
    body_encoding: z.enum(['utf8', 'base64']),
    body_note: z.string().nullable().describe('Why the body cannot be shown.'),
  })
  .meta({ id: 'SentRequest' })

const ReceivedResponse = z
  .object({
    status_code: z.int(),
    headers: z.record(z.string(), z.string()),
    body: z.string().nullable().describe('The first 16 KiB at most.'),
    truncated: z.boolean().describe('Whether there was more of it.'),
  })
  .meta({ id: 'ReceivedResponse' })

export const Attempt = z
  .object({
    id: z.string(),
    number: z.int().describe('From 1, across generations.'),
    generation: z.int(),
    started_at: time('When the request was begun.'),
    finished_at: time('When it had ended.').nullable(),
    outcome: Outcome.nullable().describe('Null while the request is under way.'),
    error: z.string().nullable().describe('Why there was no answer.'),
    timings: z
      .object({
        headers_ms: z.number().nullable().describe('Until the headers of the answer were there; null: they never were.'),
        end_ms: z.number().describe('Until all was over.'),
      })
      .nullable()
      .describe('Milliseconds from the start of the attempt.'),
    request: SentRequest.nullable().describe('Null when the attempt did not come to an end.'),
    response: ReceivedResponse.nullable().describe('Null when there was no answer.'),
    decision: z.string().nullable().describe('What follows, and by which rule.'),
    next_attempt_at: time('When the next attempt was set for.').nullable(),
  })
  .meta({ id: 'Attempt' })
export type Attempt = z.infer<typeof Attempt>

export const DeliveryDetail = Delivery.extend({ attempt_log: z.array(Attempt).describe('Every attempt, in order.') }).meta({
  id: 'DeliveryDetail',
})

const rules = [
  'A condition is `{field, op, value}`; conditions nest in `and` and `or`, at most 10 levels and 100 conditions.',
  '`ne` and `not_in` also hold where the field is empty. `eq` and `ne` take null for empty. `like` ignores the case of ASCII letters.',
  'Empty fields sort first ascending and last descending. Times are ISO 8601 strings.',
].join('\n')

export const filterReference = (fields: Parameters<typeof fieldTable>[0]) => `${rules}\n\n${fieldTable(fields)}`

const patience = z
  .int()
  .min(20)
  .max(10_000)
  .optional()
  .describe('Milliseconds to search for: after about this long the answer is what was found until then. Left out: until all is found.')

export const DeliveryFilterRequest = FilterRequest.extend({
  patience_ms: patience.describe(
    'Milliseconds to search for. After about this long the page is what was found until then, perhaps nothing, with a cursor from which the search goes on. Newest or oldest first (`created_at`) only. Left out: until the page is full.',
  ),
}).meta({
  id: 'FilterRequest',
  example: {
    filter: {
      and: [
        { field: 'webhook_id', op: 'eq', value: 'your-webhook-uuid' },
        { field: 'status', op: 'eq', value: 'failed' },
      ],
    },
    sort: [{ field: 'delivered_at', direction: 'desc' }],
  },
})
export const deliveryFilterReference = filterReference(deliveryFields)

export const CountInput = z
  .strictObject({
    filter: Filter.optional().describe('All deliveries when left out.'),
    up_to: z.int().min(1).max(1_000_000).optional().describe('Count no further than this. Left out: to the end.'),
    patience_ms: patience,
  })
  .meta({ id: 'CountInput' })
export const Count = z
  .object({
    count: z.int().describe('How many deliveries match.'),
    exact: z.boolean().describe('Whether these are all; false: at least so many, as counting stopped at `up_to` or `patience_ms`.'),
  })
  .meta({ id: 'Count' })

export const RedeliverInput = z.strictObject({ filter: Filter }).meta({
  id: 'RedeliverInput',
  description: 'Which deliveries. Of those that match, the ones that are finished and whose webhook is active are sent again.',
  example: { filter: { field: 'status', op: 'eq', value: 'failed' } },
})

export const Redelivery = z
  .object({
    id: z.string(),
    filter: Filter.nullable(),
    before: time('Only deliveries whose status last changed before this are taken.'),
    status: z.enum(['running', 'finished', 'stopped']),
    matched: z.int().describe('Deliveries that matched when it was asked for.'),
    redelivered: z.int().describe('Deliveries opened again so far. Ends below `matched` when some changed in the meantime.'),
    created_at: time('When it was asked for.'),
    updated_at: time('When it last moved.'),
  })
  .meta({ id: 'Redelivery' })
export type Redelivery = z.infer<typeof Redelivery>
