import { z } from 'zod'

/** The catalog object an event is about. Filters of a subscription look at these members alone. */
export const Entity = z
  .strictObject({
    type: z.string().min(1).max(200).describe('Kind of catalog object, for example `table`, `dashboard`, `instrument`.'),
    id: z.string().min(1).max(500).optional().describe('Identifier of the object in its catalog; opaque to Tidings.'),
    name: z.string().min(1).max(3072).optional().describe('Fully qualified name, for example `warehouse.sales.orders`.'),
    domain: z.string().min(1).max(500).optional().describe('Name of the domain that the object belongs to.'),
    owners: z.array(z.string().min(1).max(500)).max(100).optional().describe('Names of the owning users or teams.'),
    tags: z.array(z.string().min(1).max(500)).max(500).optional().describe('Tags or terms, for example `PII.Sensitive`.'),
    url: z.url().max(3000).optional().describe('Where a person can look at the object.'),
  })
  .describe('The catalog object that the event is about.')
export type Entity = z.infer<typeof Entity>

const FieldChange = z.strictObject({
  name: z.string().min(1).max(3072).describe('Field that changed, dotted where nested: `columns.zip.description`.'),
  old_value: z.unknown().optional().describe('Value before, absent for an added field.'),
  new_value: z.unknown().optional().describe('Value after, absent for a deleted field.'),
})

/** What happened to the entity, field by field. */
export const Change = z
  .strictObject({
    added: z.array(FieldChange).max(1000).optional(),
    updated: z.array(FieldChange).max(1000).optional(),
    deleted: z.array(FieldChange).max(1000).optional(),
  })
  .describe('Fields added, updated and deleted, with their old and new values.')
export type Change = z.infer<typeof Change>

export const EventTypeName = z
  .string()
  .max(200)
  .regex(
    /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/,
    'must be words of letters, digits, `_` or `-` joined by full stops, for example `table.updated`',
  )
  .describe('Dotted name of what happened, for example `table.updated`.')

/** CloudEvents 1.0 attributes and extensions that our own members do not hold. */
export const CloudEventAttributes = z.object({
  source: z.string(),
  datacontenttype: z.string().optional(),
  dataschema: z.string().optional(),
  extensions: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
})

/**
 * The body of `POST /events` in native JSON. Closed: an unknown member is refused, so that a misspelt
 * `entitiy` is noticed by the sender and not by the receiver that never hears of it.
 */
export const EventInput = z
  .strictObject({
    id: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .describe('Your own id of the event. Sent again with the same body it is accepted once; with another body it is refused with 409.'),
    type: EventTypeName,
    time: z.iso.datetime({ offset: true }).optional().describe('When it happened, RFC 3339; the time of acceptance when left out.'),
    subject: z.string().min(1).max(3072).optional().describe('CloudEvents `subject`: what within the source the event is about.'),
    actor: z.string().min(1).max(500).optional().describe('Who caused it: a user or service name.'),
    entity: Entity.optional(),
    change: Change.optional(),
    data: z.unknown().optional().describe('Anything else, any JSON. Delivered byte for byte as you sent it.'),
  })
  .describe('One event in the native form.')
export type EventInput = z.infer<typeof EventInput>

/**
 * What Tidings knows about an event apart from its `data`: everything that matching, rendering and searching need.
 * Stored as JSON, carried through Redis, never changed after acceptance.
 */
export const Envelope = z.object({
  id: z.string(),
  organizationId: z.string(),
  source: z.string(),
  sourceEventId: z.string().optional(),
  type: z.string(),
  time: z.string(),
  subject: z.string().optional(),
  actor: z.string().optional(),
  entity: Entity.optional(),
  change: Change.optional(),
  cloudevent: CloudEventAttributes.optional(),
  /** For these webhooks alone, whatever they subscribe to (a test event). Left out: for whom it matches. */
  to: z.array(z.string()).optional(),
  /** `data` holds a JSON string of base64 and the true payload is those bytes (CloudEvents `data_base64`). */
  binary: z.boolean().optional(),
  /** W3C Trace Context of what brought the event in: that of our own span where traces are on, else that of the sender. */
  traceparent: z.string().optional(),
})
export type Envelope = z.infer<typeof Envelope>

/** An accepted event: its envelope, and `data` as the JSON text that the source sent. */
export type Event = Envelope & { data: string }

/** What a source adapter makes of one event in a request: the envelope's own part, and where its data stands. */
export type EventDraft = Omit<Envelope, 'id' | 'organizationId' | 'source' | 'time'> & {
  time?: string
  /** The bytes of this one event as received: the whole body, or its slice of a batch. */
  raw: Uint8Array
  /** Half-open byte range of `data` within `raw`, or the JSON text where the data is no part of `raw`. */
  data: { start: number; end: number } | { text: string }
}
