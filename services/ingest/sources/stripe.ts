import { changeOf, entityOf, recordOf, textOf, timeOf, typeName } from '../fields.ts'
import { readEvents, type ReadEvent } from '../read-events.ts'
import type { SourceAdapter, SourceSample } from '../source.ts'

/** Stripe: types as they are, the object in `data` is the entity, and `previous_attributes` say what changed about it. */
const read: ReadEvent = (event, _, report) => {
  const id = textOf(event.id)
  const type = typeName(textOf(event.type, 200))
  if (id === undefined) return report('must be a string', 'id')
  if (type === undefined) return report('must be a string, for example `customer.created`', 'type')
  const data = recordOf(event.data)
  const object = recordOf(data.object)
  const before = Object.entries(recordOf(data.previous_attributes))
  return {
    sourceEventId: id,
    type,
    time: timeOf(event.created, 'seconds'),
    entity: entityOf({ type: object.object, id: object.id, name: object.id }),
    change: changeOf({ updated: before.map(([name, value]) => ({ name, old_value: value, new_value: object[name] })) }),
  }
}

const headers = { 'content-type': 'application/json' }
const samples: SourceSample[] = [
  {
    title: 'a customer was created',
    headers,
    body: '{\n  "id": "evt_123",\n  "object": "event",\n  "created": 1533204620,\n  "data": {\n    "object": {"id": "cus_123", "object": "customer"}\n  },\n  "pending_webhooks": 1,\n  "type": "customer.created"\n}',
  },
  {
    title: 'a customer was updated',
    headers,
    body: '{"id":"evt_124","created":1533204621,"data":{"object":{"id":"cus_123","object":"customer","email":"b@example.com"},"previous_attributes":{"email":"a@example.com"}},"type":"customer.updated"}',
  },
]

export default {
  name: 'stripe',
  description: 'Stripe: events of an account.',
  scheme: 'stripe',
  parse: (request, limits) => readEvents(request, limits, read),
  identity: 'id',
  samples,
} satisfies SourceAdapter
