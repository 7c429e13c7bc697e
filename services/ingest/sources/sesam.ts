import { z } from 'zod'
import { entityOf, textOf, timeOf } from '../fields.ts'
import { scalarAt } from '../json-slice.ts'
import { readEvents } from '../read-events.ts'
import { contentHash } from '../sesam/entity.ts'
import type { Limits, ReceivedRequest, SourceAdapter, SourceSample, SourceSettings } from '../source.ts'

/**
 * What a Sesam receiver takes: entities with an `_id`, one or an array. The type is `{datatype}.updated`, or
 * `{datatype}.deleted` when `_deleted` is true: a push does not tell the first version of an entity from the next.
 * Repeats are told by `_id` and content, as a dataset appends only what changed.
 */
const Settings = z.strictObject({
  datatype: z
    .string()
    .max(100)
    .regex(/^[A-Za-z0-9_-]+$/, 'must be letters, digits, `_` or `-`')
    .default('entity')
    .describe('What the entities are, the middle of the pipe name `<system>-<datatype>-event`; the first word of the event type.'),
  id_from: z
    .array(z.string().min(1).max(200))
    .min(1)
    .max(10)
    .optional()
    .describe('Members that an entity without `_id` takes it from, the first that is there: `["objectId", "fromObjectId"]`.'),
})

function parse(request: ReceivedRequest, limits: Limits, settings?: SourceSettings) {
  const { datatype, id_from: candidates = [] } = Settings.parse(settings ?? {})
  return readEvents(request, limits, (entity, { raw }, report) => {
    const id = candidates.reduce((found, member) => found ?? scalarAt(raw, member), textOf(entity._id))
    if (!id || (entity._id !== undefined && typeof entity._id !== 'string')) return report('must be a string of 1 to 500 characters', '_id')
    return {
      sourceEventId: `${id} ${contentHash(raw)}`,
      type: `${datatype}.${entity._deleted === true ? 'deleted' : 'updated'}`,
      time: timeOf(entity._ts, 'microseconds'),
      entity: entityOf({ type: datatype, id, name: id }),
    }
  })
}

const headers = { 'content-type': 'application/json' }
const samples: SourceSample[] = [
  { title: 'one entity', headers, body: '{"_id":"1","name":"a","_ts":1633934725921188,"amount":12345678901234567890}' },
  {
    title: 'an array, the second deleted',
    headers,
    body: '[{"_id":"6682673371","name":"Avisa"},\n {"_id":"6674551525","_deleted":true}]',
    settings: { datatype: 'company' },
  },
  {
    title: 'partial events without an _id',
    headers,
    body: '[{"subscriptionType":"company.creation","objectId":9007199254740993},{"subscriptionType":"association.change","fromObjectId":7}]',
    settings: { datatype: 'company', id_from: ['objectId', 'fromObjectId'] },
  },
]

export default {
  name: 'sesam',
  description: 'Sesam: entities with `_id` and `_deleted`, one or an array.',
  scheme: 'sesam-token',
  settings: Settings,
  parse,
  paths: ['/api/receivers/:pipe/entities'],
  identity: 'id',
  answer: {
    accepted: { status: 200, body: {} },
    refused: ({ code, reason }) => (code === 'bad_signature' ? { status: 401, body: reason } : undefined),
  },
  samples,
} satisfies SourceAdapter
