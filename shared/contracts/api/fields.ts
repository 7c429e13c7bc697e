import { DeliveryState, Outcome } from '../delivery.ts'
import type { FilterOp } from '../filter.ts'

/**
 * What a filter may look at, and how its values are written: `time` as ISO 8601, `flag` as true or false. One table
 * for the check of a request, for the SQL of every dialect and for the reference.
 */
export type FieldKind = 'text' | 'number' | 'time' | 'flag'
export type FieldSpec = {
  kind: FieldKind
  about: string
  /** The only values there are, where they can be counted. */
  values?: readonly string[]
  /** Never null: a page can then start from an index instead of a sort. */
  always?: boolean
  /** The only operators that make sense; such a field is no field to sort by. */
  ops?: readonly FilterOp[]
}
export type FieldSpecs = Record<string, FieldSpec>

export const deliveryFields = {
  id: { kind: 'text', about: 'the delivery', always: true },
  webhook_id: { kind: 'text', about: 'the webhook it goes to', always: true },
  event_id: { kind: 'text', about: 'the event it carries', always: true },
  event_type: { kind: 'text', about: 'the type of that event', always: true },
  status: { kind: 'text', about: 'where it stands', values: DeliveryState.options, always: true },
  attempts: { kind: 'number', about: 'requests made so far, all generations together', always: true },
  generation: { kind: 'number', about: '0, and one more for each redelivery', always: true },
  created_at: { kind: 'time', about: 'when the delivery was made', always: true },
  updated_at: { kind: 'time', about: 'when its status last changed', always: true },
  accepted_at: { kind: 'time', about: 'when the event was accepted', always: true },
  delivered_at: { kind: 'time', about: 'when a receiver answered 2xx' },
  next_attempt_at: { kind: 'time', about: 'when it is tried (again); empty once it has ended, and while it is held' },
  last_attempt_at: { kind: 'time', about: 'when it was last tried' },
  last_outcome: { kind: 'text', about: 'what the last attempt led to', values: Outcome.options },
  last_status_code: { kind: 'number', about: 'the HTTP status last answered' },
  last_error: { kind: 'text', about: 'why there was no answer, the last time' },
  reason: { kind: 'text', about: 'why it failed or was cancelled' },
  source: { kind: 'text', about: 'the source of the event' },
  subject: { kind: 'text', about: 'the subject of the event' },
  entity_type: { kind: 'text', about: 'the type of the entity' },
  entity_id: { kind: 'text', about: 'the id of the entity' },
  entity_name: { kind: 'text', about: 'the fully qualified name of the entity' },
  payload: { kind: 'text', about: 'text anywhere in the event as it was received', ops: ['like'] },
  response: { kind: 'text', about: 'text in what a receiver answered, to any attempt', ops: ['like'] },
} as const satisfies FieldSpecs
export type DeliveryField = keyof typeof deliveryFields

export const eventFields = {
  id: { kind: 'text', about: 'the event', always: true },
  type: { kind: 'text', about: 'its type', always: true },
  source: { kind: 'text', about: 'where it came from', always: true },
  received_at: { kind: 'time', about: 'when it was accepted', always: true },
  fanned_out_at: { kind: 'time', about: 'when its deliveries were made' },
  matched: { kind: 'number', about: 'how many webhooks it went to' },
  subject: { kind: 'text', about: 'its subject' },
  entity_type: { kind: 'text', about: 'the type of the entity' },
  entity_id: { kind: 'text', about: 'the id of the entity' },
  entity_name: { kind: 'text', about: 'the fully qualified name of the entity' },
  payload: { kind: 'text', about: 'text anywhere in the event as it was received', ops: ['like'] },
} as const satisfies FieldSpecs
export type EventField = keyof typeof eventFields

export const webhookStatuses = ['active', 'failing', 'disabled'] as const

export const webhookFields = {
  id: { kind: 'text', about: 'the webhook', always: true },
  url: { kind: 'text', about: 'where it delivers to; needs a key that may write, since a URL can hold a secret', always: true },
  label: { kind: 'text', about: 'its label' },
  active: { kind: 'flag', about: 'whether it is switched on', always: true },
  status: { kind: 'text', about: 'its health', values: webhookStatuses, always: true },
  scheme: { kind: 'text', about: 'how its requests are signed', always: true },
  format: { kind: 'text', about: 'how its payloads are written', always: true },
  timeout_ms: { kind: 'number', about: 'its timeout', always: true },
  disabled_reason: { kind: 'text', about: 'why Tidings switched it off' },
  last_failed_at: { kind: 'time', about: 'when an attempt last failed' },
  last_failed_status_code: { kind: 'number', about: 'the HTTP status of that failure' },
  created_at: { kind: 'time', about: 'when it was created', always: true },
  updated_at: { kind: 'time', about: 'when it was last changed', always: true },
} as const satisfies FieldSpecs
export type WebhookField = keyof typeof webhookFields

/** The table of fields as Markdown, for the reference. */
export function fieldTable(fields: FieldSpecs): string {
  const rows = Object.entries(fields).map(
    ([name, { kind, about, values, ops }]) =>
      `| \`${name}\` | ${kind} | ${about}${values ? `: ${values.join(', ')}` : ''}${ops ? ` (only \`${ops.join('`, `')}\`)` : ''} |`,
  )
  return ['| field | kind | meaning |', '|---|---|---|', ...rows].join('\n')
}
