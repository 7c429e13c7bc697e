import type { Change, Entity } from '../../../shared/contracts/event.ts'
import { changeOf, entityOf, recordOf, textOf, typeName } from '../fields.ts'
import { scalarAt } from '../json-slice.ts'
import { readEvents, type ReadEvent } from '../read-events.ts'
import type { Refusal, SourceAdapter, SourceSample } from '../source.ts'

/**
 * Foundry's ontology, dataset and build events: `{id, type, data}`. Types are taken as they are, those we do not know
 * too, which the contract wants answered like any other. An ontology object is an entity of its object type, named
 * `{objectType}/{primaryKey}`; datasets and builds are known by their RID.
 */
const read: ReadEvent = (event, { raw }, report) => {
  const id = textOf(event.id)
  const type = textOf(event.type, 200)
  if (typeof event.id !== 'string' || id === undefined) return report('must be a string of 1 to 500 characters', 'id')
  const name = type && typeName(type)
  if (name === undefined) return report('must be a string of 1 to 200 characters', 'type')
  const data = recordOf(event.data)
  return { sourceEventId: id, type: name, entity: entityFrom(name, data, raw), change: changeFrom(data) }
}

function entityFrom(type: string, data: Record<string, unknown>, raw: Uint8Array): Entity | undefined {
  if (type.startsWith('dataset.')) return entityOf({ type: 'dataset', id: data.datasetRid, name: data.datasetRid })
  if (type.startsWith('build.')) return entityOf({ type: 'build', id: data.buildRid, name: data.buildRid })
  // a primary key may be a number of 64 bits
  const key = scalarAt(raw, 'data', 'primaryKey')
  return entityOf({ type: data.objectType, id: key, name: key && `${textOf(data.objectType)}/${key}` })
}

/** What a property's value says is not published, so it is taken for the new one. */
function changeFrom({ changedProperties }: Record<string, unknown>): Change | undefined {
  return changeOf({ updated: Object.entries(recordOf(changedProperties)).map(([name, value]) => ({ name, new_value: value })) })
}

function refused({ code, kind }: Refusal) {
  if (code !== 'bad_signature') return undefined
  return { status: 401, body: { error: kind === 'timestamp' ? 'Timestamp too old' : 'Invalid signature' } }
}

const headers = { 'content-type': 'application/json' }
const samples: SourceSample[] = [
  {
    title: 'an object was created',
    headers,
    body: '{"id":"evt-8b1f6a52","type":"ontology.object.created","data":{"objectType":"Employee","primaryKey":"50030"}}',
  },
  {
    title: 'an object was updated, its key a number that only text can hold',
    headers,
    body: '{"id":"evt-8b1f6a53","type":"ontology.object.updated","data":{"objectType":"Employee","primaryKey":9007199254740993,"changedProperties":{"office":"NYC"}}}',
  },
  {
    title: 'a dataset was updated',
    headers,
    body: '{"id":"evt-8b1f6a55","type":"dataset.updated","data":{"datasetRid":"ri.foundry.main.dataset.c26f11c8-cdb3-4f44-9f5d-9816ea1c82da","branch":"master"}}',
  },
  {
    title: 'a build was completed',
    headers,
    body: '{"id":"evt-8b1f6a54","type":"build.completed","data":{"buildRid":"ri.foundry.main.build.a4386b7e-d546-49be-8a36-eefc355f5c58","buildStatus":"SUCCEEDED"}}',
  },
]

export default {
  name: 'foundry',
  description: 'Palantir Foundry: ontology, dataset and build events, `{id, type, data}`.',
  scheme: 'foundry',
  parse: (request, limits) => readEvents(request, limits, read, { data: 'data' }),
  paths: ['/webhooks/foundry'],
  identity: 'id',
  answer: { accepted: { status: 200, body: { received: true } }, refused },
  samples,
} satisfies SourceAdapter
