import { entityOf, recordOf, textOf, timeOf, typeName } from '../fields.ts'
import { readEvents } from '../read-events.ts'
import type { Limits, ReceivedRequest, SourceAdapter, SourceSample } from '../source.ts'

/**
 * Ptolemy: `{id, event_type, created_at, data}`, of which only `event_type`, `resource.action`, is published. The
 * resource is the entity, named by its `identifier`. Without an `id` a delivery is known by its signature.
 */
function parse(request: ReceivedRequest, limits: Limits) {
  return readEvents(
    request,
    limits,
    (event, _, report) => {
      const type = typeName(textOf(event.event_type, 200))
      if (type === undefined) return report('must be a string, for example `instrument.created`', 'event_type')
      const { id, identifier, name } = recordOf(event.data)
      return {
        sourceEventId: textOf(event.id) ?? request.headers['ptolemy-signature'],
        type,
        time: timeOf(event.created_at, 'seconds'),
        entity: entityOf({ type: type.replace(/\.[^.]*$/, ''), id, name: identifier ?? name }),
      }
    },
    { data: 'data' },
  )
}

const headers = { 'content-type': 'application/json' }
const samples: SourceSample[] = [
  {
    title: 'an instrument was created',
    headers,
    body: '{"id":"8f0c0f0e-3d55-4f0a-9a77-0f6f3a1c2b10","event_type":"instrument.created","created_at":"2026-04-15T09:00:03Z","data":{"id":"3fa85f64-5717-4562-b3fc-2c963f66afa6","identifier":"bhp.ax","name":"BHP Group Ltd.","extra_fields_snapshot":{"lot_size":"0.1000000000000000055"},"archived_at":null}}',
  },
  {
    title: 'without an id, known by its signature',
    headers: {
      ...headers,
      'ptolemy-signature': 't=1776243603,v1=dc7a34ef219929030f37d40c160e54c7b259b9e94c8447bae893354ef70302dd',
    },
    body: '{"event_type":"market.archived","created_at":"2026-04-15T09:00:03Z","data":{"identifier":"asx"}}',
  },
]

export default {
  name: 'ptolemy',
  description: 'Ptolemy: `{id, event_type, created_at, data}`.',
  scheme: 'ptolemy',
  parse,
  paths: ['/webhooks/ptolemy'],
  identity: 'id',
  answer: {
    accepted: { status: 200, body: { ok: true } },
    refused: ({ code }) => (code === 'bad_signature' ? { status: 401, body: { detail: 'Invalid signature' } } : undefined),
  },
  samples,
} satisfies SourceAdapter
