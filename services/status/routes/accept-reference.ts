import { z } from '@hono/zod-openapi'
import { Accepted, IdempotencyKey } from '../../../shared/contracts/api/accept.ts'
import { CollectedList, EntitiesQuery, ScanQuery, ScanResult } from '../../../shared/contracts/api/entity.ts'
import { EventInput } from '../../../shared/contracts/event.ts'
import type { App } from '../../../shared/http/app.ts'
import { json, needs, refusals } from './route.ts'

const CloudEvent = z
  .looseObject({
    specversion: z.literal('1.0'),
    id: z.string(),
    source: z.string(),
    type: z.string(),
    subject: z.string().optional(),
    time: z.string().optional(),
    datacontenttype: z.string().optional(),
    data: z.unknown().optional(),
    data_base64: z.string().optional(),
  })
  .meta({ id: 'CloudEvent', externalDocs: { url: 'https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md' } })

const Native = EventInput.meta({ id: 'EventInput' })
const headers = z.object({ 'Idempotency-Key': IdempotencyKey })
const refused = refusals(400, 409, 413, 415, 422)
const sourceName = z.string().describe('Name of the source; its id where the request shows no API key and the name is not unique.')
const unavailable = {
  description: 'Nothing was stored: the disk or the database refuses. Send the same again after `Retry-After` seconds.',
}

/**
 * The routes of ingest, for the reference: another service serves them, from the same schemas. One port or two, who
 * reads the reference finds all of the API in one place.
 */
export function addAcceptReference(app: App): void {
  app.openAPIRegistry.registerPath({
    method: 'post',
    path: '/events',
    tags: ['Events'],
    ...needs('ingest'),
    summary: 'Send events',
    description:
      'One event or an array of them, native or CloudEvents 1.0 (structured, batched, or binary with `ce-` headers and any content type). Answered once all are on disk; all are accepted or none is.',
    request: {
      headers,
      body: {
        required: true,
        content: {
          'application/json': { schema: z.union([Native, z.array(Native).min(1)]) },
          'application/cloudevents+json': { schema: CloudEvent },
          'application/cloudevents-batch+json': { schema: z.array(CloudEvent) },
        },
      },
    },
    responses: { 202: json(Accepted, 'Durable: each will be delivered to whoever wants it.'), ...refused, 503: unavailable },
  })
  app.openAPIRegistry.registerPath({
    method: 'post',
    path: '/sources/{source}/events',
    tags: ['Events'],
    security: [{ apiKey: ['ingest'] }, {}],
    summary: 'Send events in the words of a registered source',
    description:
      'Read by the adapter of the source. A source with a scheme must sign, and then needs no API key; one without must show a key. The answer is the one that the system expects, where it expects one.',
    request: {
      headers,
      params: z.object({ source: sourceName }),
      body: { required: true, content: { 'application/json': { schema: z.unknown() } } },
    },
    responses: { 202: json(Accepted, 'Durable.'), ...refused, 404: refusals(404)[404], 503: unavailable },
  })
  addEntityReference(app)
}

function addEntityReference(app: App): void {
  const path = '/sources/{source}/entities'
  app.openAPIRegistry.registerPath({
    method: 'put',
    path,
    tags: ['Sources'],
    security: [{ apiKey: ['ingest'] }, {}],
    summary: 'Scan: all entities of a source as they are now',
    description:
      'An array, or one entity a line (`application/x-ndjson`). Compared with what is known of each; events (`<entity type>.created`, `.updated`, `.deleted`) tell what has changed, and how. In one request, or in parts that name one another. Entities that a full scan does not have are deleted with its last part, unless something else has changed them since it began. For sources with `collect`, and for Sesam sources. A part is taken whole or not at all, and taken once when it is sent again.',
    request: {
      params: z.object({ source: sourceName }),
      query: ScanQuery,
      body: {
        required: true,
        content: { 'application/json': { schema: z.array(z.looseObject({})) }, 'application/x-ndjson': { schema: z.string() } },
      },
    },
    responses: { 200: json(ScanResult, 'Durable: view and events.'), ...refused, 404: refusals(404)[404], 503: unavailable },
  })
  app.openAPIRegistry.registerPath({
    method: 'get',
    path,
    tags: ['Sources'],
    ...needs('read'),
    summary: 'Read the entities of a source',
    description:
      'The latest version of each, deleted ones too, in the order of their changes: ask again with the cursor for what has changed since.',
    request: { params: z.object({ source: z.string().describe('Name of the source.') }), query: EntitiesQuery },
    responses: { 200: json(CollectedList, 'A page of them.'), ...refusals(404, 422) },
  })
}
