import { z } from 'zod'
import { entityOf, textOf, timeOf } from '../fields.ts'
import { scalarAt } from '../json-slice.ts'
import { readEvents } from '../read-events.ts'
import { contentHash } from '../sesam/entity.ts'
import { inSubset, Subset } from '../sesam/subset.ts'
import { ValidationExpression } from '../sesam/validation-expression.ts'
import type { Limits, ReceivedRequest, SourceAdapter, SourceSample, SourceSettings } from '../source.ts'

/**
 * What a Sesam receiver takes: entities with an `_id`, one or an array. The type is `{datatype}.updated`, or
 * `{datatype}.deleted` when `_deleted` is true: a push does not tell the first version of an entity from the next.
 * Repeats are told by `_id` and content, as a dataset appends only what changed. What a source declares as a Sesam pipe
 * would is among its settings: an expression that requests must satisfy in place of a scheme, and a subset of the
 * entities, the others of which are taken and forgotten.
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
  validation_expression: ValidationExpression.optional(),
  subset: Subset.optional(),
})
type Settings = z.infer<typeof Settings>

function parse(request: ReceivedRequest, limits: Limits, settings?: SourceSettings) {
  const { datatype, id_from: candidates = [], subset } = (settings ?? Settings.parse({})) as Settings
  return readEvents(request, limits, (entity, { raw }, report) => {
    if (subset && !inSubset(subset, entity)) return undefined
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
  {
    title: 'a pipe with a subset and a validation expression',
    headers,
    body: '[{"_id":"1","subscriptionType":"company.deletion"},{"_id":"2","subscriptionType":"company.creation"}]',
    settings: {
      datatype: 'company',
      validation_expression:
        "{% if request_headers['X-Signature'] == b64encode(hmacsha256digest(secret('webhook_secret'), request_body)) %}{% else %}FAIL!{% endif %}",
      subset: ['eq', ['matches', 'company.*', ['list', '_S.subscriptionType']], true],
    },
  },
]

export default {
  name: 'sesam',
  description: 'Sesam: entities with `_id` and `_deleted`, one or an array.',
  scheme: 'sesam-token',
  settings: Settings,
  parse,
  paths: ['/api/receivers/:pipe/entities'],
  identity: 'content',
  entityType: (settings) => ((settings ?? Settings.parse({})) as Settings).datatype,
  answer: {
    accepted: { status: 200, body: {} },
    refused: ({ code, reason }) => (code === 'bad_signature' ? { status: 401, body: reason } : undefined),
  },
  samples,
} satisfies SourceAdapter
