import { z } from 'zod'
import { Change, Entity, EventInput, EventTypeName, type Event } from '../../../shared/contracts/event.ts'
import type { Format, RenderContext } from '../../../shared/payload/format.ts'
import type { Registry } from '../../../shared/registry.ts'
import { readExamples, type Json } from './examples.ts'
import type { Convert } from './openapi.ts'

/** The payload of the format `tidings`, which a webhook has unless it says another. */
export const DefaultPayload = z
  .object({
    id: z.string().describe('Of the event: the same for every webhook and on every attempt, and `webhook-id` too.'),
    type: EventTypeName,
    timestamp: z.iso.datetime({ offset: true }).describe('When it happened.'),
    source: z
      .string()
      .describe('Name of the source it came from; `api` where it was posted with a key, `tidings` for what Tidings itself tells.'),
    subject: EventInput.shape.subject,
    actor: EventInput.shape.actor,
    entity: Entity.optional(),
    change: Change.optional(),
    recipients: z
      .array(z.looseObject({ type: z.enum(['user', 'team']), name: z.string() }))
      .optional()
      .describe('Who is told beside the webhook, where it names recipients.'),
    data: z.unknown().optional().describe('As the source sent it, byte for byte.'),
    data_base64: z.string().optional().describe('In its place, where the data is bytes and no JSON.'),
  })
  .meta({ id: 'Payload', description: 'One event as a receiver gets it.' })

/** Headers of Standard Webhooks, as every request carries them unless its webhook signs by another scheme. */
export const signatureHeaders = {
  'webhook-id': 'Id of the event: remember it to tell a repeated delivery. For a batch, the id of the batch.',
  'webhook-timestamp': 'Time of this attempt, seconds since 1970; refuse what is more than five minutes off.',
  'webhook-signature':
    '`v1,` and base64 of HMAC-SHA256 over `{webhook-id}.{webhook-timestamp}.{body}`; several, separated by a space, while the secret is rotated.',
}
export const exampleSignature = {
  'webhook-id': '01a220b4-6a9a-7078-9b42-7cbb6113ac75',
  'webhook-timestamp': '1795845024',
  'webhook-signature': 'v1,ImyJVNJlOtEmasOZac+ibyb3YHJIXHUesxjl0LrAXQs=',
}

const answers = {
  '2XX': { description: 'Taken: the delivery has succeeded.' },
  '410': { description: 'Gone: the webhook is switched off, and its open deliveries are cancelled.' },
  '429': { description: 'Too much: tried again after `Retry-After`, and until then nothing else is sent.' },
  '503': { description: 'Not now: as with 429.' },
  default: { description: 'Anything else, and no answer in time: tried again as the retry policy of the webhook says.' },
}

/** What receivers get: one entry for each format, with what it makes of one and the same event. */
export const describeReceived =
  (formats: Registry<Format>) =>
  (convert: Convert): Json => {
    const event = exampleEvent()
    const parameters = Object.entries(signatureHeaders).map(([name, description]) => ({
      name,
      in: 'header',
      required: true,
      description,
      schema: { type: 'string' },
      example: exampleSignature[name as keyof typeof exampleSignature],
    }))
    return Object.fromEntries(
      formats.all().map((format) => {
        const { contentType, headers, example } = renderExample(format, event)
        const more = Object.entries(headers).map(([name, value]) => ({
          name,
          in: 'header',
          required: false,
          schema: { type: 'string' },
          example: value,
        }))
        const schema = format.name === 'tidings' ? convert(DefaultPayload) : schemaOf(example)
        const operation = {
          summary: `An event in the format \`${format.name}\``,
          description: `${format.description} Sent to the URL of each webhook that has this format and wants the event. Headers are those of Standard Webhooks, or those of the webhook's scheme.`,
          parameters: [...parameters, ...more],
          requestBody: { required: true, content: { [contentType]: { example, schema } } },
          responses: answers,
        }
        return [format.name, { post: operation }]
      }),
    )
  }

function exampleEvent(): Event {
  const { id: sourceEventId, time = '', data, ...own } = readExamples().named('EventInput') as EventInput
  return {
    ...own,
    id: exampleSignature['webhook-id'],
    organizationId: 'default',
    source: 'api',
    ...(sourceEventId && { sourceEventId }),
    time,
    data: JSON.stringify(data),
  }
}

function renderExample(format: Format, event: Event): { contentType: string; headers: Record<string, string>; example: unknown } {
  const [settings = {}] = (format.settings?.meta()?.examples ?? []) as Record<string, unknown>[]
  const context: RenderContext = {
    webhook: { id: '01a220b4-6965-763d-93fd-0bbfa9112505', label: 'Sales warehouse' },
    settings: format.settings?.parse(settings) ?? {},
    secrets: ['whsec_YW4gZXhhbXBsZSwgYW5kIG5vIHNlY3JldCBhdCBhbGw='],
  }
  const { contentType, headers = {}, body } = format.render(event, context)
  const text = Buffer.from(body).toString()
  return { contentType, headers, example: /[/+]json\b/.test(contentType) ? (JSON.parse(text) as unknown) : text }
}

/** Members and their kinds: what other systems' forms are is theirs to say. */
function schemaOf(value: unknown): Json {
  if (Array.isArray(value)) return { type: 'array' }
  if (typeof value !== 'object' || value === null) return typeof value === 'string' ? { type: 'string' } : {}
  return { type: 'object', required: Object.keys(value), properties: Object.fromEntries(Object.keys(value).map((name) => [name, {}])) }
}
