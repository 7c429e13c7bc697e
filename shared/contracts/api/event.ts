import { z } from 'zod'
import { Change, CloudEventAttributes, Entity } from '../event.ts'
import { Delivery } from './delivery.ts'
import { listOf, time } from './list.ts'
import { Subscription } from './subscription.ts'

export const Match = z
  .object({
    subscription: Subscription,
    webhook: z.object({
      id: z.string(),
      label: z.string().nullable(),
      url: z.string(),
      active: z.boolean().describe('Whether it is active today.'),
    }),
    matched: z.boolean(),
    clause: z
      .string()
      .nullable()
      .describe('The member of the subscription that did not hold: `event_type` or one of its filters; null when it matched.'),
    reason: z.string().describe('Why, in words.'),
    delivery_id: z.string().nullable().describe('The delivery that came of it.'),
  })
  .meta({ id: 'Match' })

export const EventSummary = z
  .object({
    id: z.string(),
    source: z.string(),
    type: z.string(),
    time: z.string().describe('When it happened, RFC 3339.'),
    received_at: time('When it was accepted.'),
    fanned_out_at: time('When its deliveries were made; null: not yet.').nullable(),
    matched: z.int().nullable().describe('How many webhooks it went to; null: not yet known.'),
    subject: z.string().nullable(),
    actor: z.string().nullable(),
    entity: Entity.nullable(),
  })
  .meta({ id: 'EventSummary' })
export type EventSummary = z.infer<typeof EventSummary>

export const Event = z
  .object({
    id: z.string(),
    source: z.string(),
    source_event_id: z.string().nullable().describe('The id that the source gave it.'),
    type: z.string(),
    time: z.string().describe('When it happened, RFC 3339.'),
    received_at: time('When it was accepted.'),
    fanned_out_at: time('When its deliveries were made; null: not yet.').nullable(),
    matched: z.int().nullable().describe('How many webhooks it went to; null: not yet known.'),
    subject: z.string().nullable(),
    actor: z.string().nullable(),
    entity: Entity.nullable(),
    change: Change.nullable(),
    cloudevent: CloudEventAttributes.nullable().describe('CloudEvents attributes that no other member holds.'),
    to: z.array(z.string()).nullable().describe('Webhooks that it was sent to, whatever they subscribe to; null: those that matched.'),
    data: z.unknown().describe('The data as JSON. Numbers beyond 2^53 lose digits here, and only here: `raw` has every byte.'),
    headers: z.record(z.string(), z.string()).describe('Headers that it came with, credentials left out.'),
    raw: z.string().describe('The bytes as they were received, base64.'),
    deliveries: listOf(Delivery).describe('Newest first, at most 1,000; the rest by `POST /webhook-deliveries/filter` on `event_id`.'),
    matches: z
      .array(Match)
      .describe(
        'Every subscription that was in force when the event was accepted, those that matched first, at most 1,000. Empty for an event with `to`.',
      ),
  })
  .meta({ id: 'Event' })
export type Event = z.infer<typeof Event>
