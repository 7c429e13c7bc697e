import { createHash } from 'node:crypto'
import { encoded, entityOf, recordOf, textOf, timeOf, typeName } from '../fields.ts'
import { scalarAt } from '../json-slice.ts'
import { readEvents, type ReadEvent } from '../read-events.ts'
import type { SourceAdapter, SourceSample } from '../source.ts'

/**
 * Opteryx Catalog: `{event: {action, workspace, collection, resource_type, resource_name, timestamp}, data}`. The type
 * is `{resource_type}.{action}`, for example `dataset.create`; the entity is named `workspace.collection.resource`, and
 * `subject` is the same joined by slashes, each part percent-encoded, so that the three can be told apart again. It
 * sends no id: one is derived from all of these and the body, which repeats are byte for byte.
 */
const parts = ['workspace', 'collection', 'resource_type', 'resource_name', 'action', 'timestamp'] as const

const read: ReadEvent = ({ event }, { raw }, report) => {
  const { action, resource_type: kind, workspace, collection, resource_name: resource, timestamp } = recordOf(event)
  const [act, what] = [textOf(action), textOf(kind)]
  if (act === undefined || typeName(act) === undefined) return report('must be a string, for example `create`', 'event', 'action')
  const type = what && typeName(what, act)
  if (!type) return report('must be a string, for example `dataset`', 'event', 'resource_type')
  const names = [workspace, collection, resource].map((name) => textOf(name)).filter((name) => name !== undefined)
  const identity = [...parts.map((part) => scalarAt(raw, 'event', part) ?? null), sha256(raw)]
  return {
    sourceEventId: sha256(JSON.stringify(identity)),
    type,
    time: timeOf(timestamp, 'milliseconds'),
    subject: textOf(names.map(encoded).join('/'), 3072),
    entity: entityOf({ type: what, name: names.join('.') }),
  }
}

const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex')

const headers = { 'content-type': 'application/json', 'user-agent': 'opteryx-catalog-webhook/1.0' }
const samples: SourceSample[] = [
  {
    title: 'a dataset was created',
    headers,
    body: '{"event": {"action": "create", "workspace": "my-workspace", "collection": "my-collection", "resource_type": "dataset", "resource_name": "my-dataset", "timestamp": 1704556800000}, "data": {"location": "gs://bucket/path", "properties": {}, "schema": {"fields": [{"name": "amount", "type": "decimal128(12, 2)"}]}}}',
  },
  {
    title: 'a view was updated, its text as Python escapes it',
    headers,
    body: '{"event": {"action": "update", "workspace": "my-workspace", "collection": "my-collection", "resource_type": "view", "resource_name": "daily_orders", "timestamp": 1704556805000}, "data": {"definition": "SELECT \'\\u00fc\'", "properties": {}}}',
  },
]

export default {
  name: 'opteryx',
  description: 'Opteryx Catalog: datasets, views and collections. It cannot sign: a token in the path or an allow-list guards it.',
  scheme: null,
  parse: (request, limits) => readEvents(request, limits, read, { data: 'data' }),
  paths: ['/event', '/in/:token/event'],
  identity: 'id',
  answer: { accepted: { status: 200, body: { status: 'ok' } } },
  samples,
} satisfies SourceAdapter
