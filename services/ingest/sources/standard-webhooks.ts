import { z } from 'zod'
import { Change, Entity, EventTypeName, type EventDraft } from '../../../shared/contracts/event.ts'
import { requireContentType } from '../../../shared/http/content-type.ts'
import { parseJson } from '../../../shared/http/json.ts'
import { invalid, Problem } from '../../../shared/problem.ts'
import { eventSlices, memberSpan, type Span } from '../json-slice.ts'
import type { Limits, ReceivedRequest, SourceAdapter, SourceSample } from '../source.ts'

/**
 * Any sender of Standard Webhooks: the payload is `{type, timestamp, data}`, the event's id is the `webhook-id` header,
 * which stays the same when the sender tries again. Further members are allowed. Those of our own default payload are
 * understood where they have its form, so that one Tidings can feed another; otherwise they are not ours to judge.
 */
const WebhookPayload = z.object({
  type: EventTypeName,
  timestamp: z.iso.datetime({ offset: true }).optional(),
  data: z.custom((value) => value !== undefined, 'is missing'),
  subject: z.string().min(1).max(3072).optional().catch(undefined),
  actor: z.string().min(1).max(500).optional().catch(undefined),
  entity: Entity.optional().catch(undefined),
  change: Change.optional().catch(undefined),
})

const WebhookId = z.string().min(1).max(500)

function parse({ headers, body }: ReceivedRequest, limits: Limits): EventDraft[] {
  requireContentType(headers['content-type'], 'application/json')
  // Svix sends the same under names of its own
  const id = WebhookId.safeParse(headers['webhook-id'] ?? headers['svix-id'])
  if (!id.success) throw invalid([{ path: ['webhook-id'], message: 'the header must hold the id of the message, at most 500 characters' }])
  const value = parseJson(body, limits.depth)
  if (Array.isArray(value)) throw new Problem('invalid', 'body: Standard Webhooks sends one event per request, a JSON object')
  eventSlices(body, value, limits)
  const parsed = WebhookPayload.safeParse(value)
  if (!parsed.success) throw invalid(parsed.error.issues)
  return [draftOf(parsed.data, id.data, body)]
}

function draftOf(payload: z.infer<typeof WebhookPayload>, id: string, raw: Uint8Array): EventDraft {
  const { type, timestamp, subject, actor, entity, change } = payload
  return {
    sourceEventId: id,
    type,
    ...(timestamp !== undefined && { time: timestamp }),
    ...(subject !== undefined && { subject }),
    ...(actor !== undefined && { actor }),
    ...(entity && { entity }),
    ...(change && { change }),
    raw,
    data: memberSpan(raw, 'data') as Span,
  }
}

const headers = {
  'content-type': 'application/json',
  'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  'webhook-timestamp': '1614265330',
}

const samples: SourceSample[] = [
  {
    title: 'the payload that the specification recommends',
    headers,
    body: '{"type":"user.created","timestamp":"2022-11-03T20:26:10.344522Z","data":{"id":"1f81eb52-5198-4599-803e-771906343485","credits":9007199254740993}}',
  },
  {
    title: 'the default payload of another Tidings',
    headers: { ...headers, 'webhook-id': '01973f6c-2c7e-7b1a-9d53-0c8b8f0e6a11' },
    body: '{"id":"01973f6c-2c7e-7b1a-9d53-0c8b8f0e6a11","type":"table.updated","timestamp":"2026-04-15T09:00:03Z","source":"warehouse","entity":{"type":"table","name":"sales.orders"},"data":{"rows":12}}',
  },
]

export default {
  name: 'standard-webhooks',
  description: 'Any sender of Standard Webhooks: `{type, timestamp, data}`.',
  scheme: 'standard-webhooks',
  parse,
  samples,
} satisfies SourceAdapter
