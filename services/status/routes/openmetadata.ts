import { createRoute } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { IdParam } from '../../../shared/contracts/api/list.ts'
import { OpenMetadataInput, OpenMetadataWebhook } from '../../../shared/contracts/api/openmetadata.ts'
import {
  DeleteQuery,
  IncludeQuery,
  JsonPatch,
  OpenMetadataDelivery,
  OpenMetadataDeliveryQuery,
  OpenMetadataHistory,
  OpenMetadataListQuery,
  OpenMetadataTest,
  VersionParams,
  pagedOf,
} from '../../../shared/contracts/api/openmetadata-calls.ts'
import type { App, AppEnv } from '../../../shared/http/app.ts'
import type { StatusDeps } from '../deps.ts'
import { deliveriesOf, findVersion, listEntities, versionsOf } from '../openmetadata/read.ts'
import { createEntity, eraseEntity, findRecord, patchEntityOf, removeEntity, shown, type Caller } from '../openmetadata/webhooks.ts'
import { sendTestEvent } from '../test-event.ts'
import { linkToNext, viewIn, views } from './openmetadata-views.ts'
import { badBody, body, json, jsonPatchType, jsonType, needs, refusals, type Guard } from './route.ts'

const tags = ['OpenMetadata']
const root = '/api/v1/webhooks'
const path = `${root}/{id}` as const

const create = createRoute({
  method: 'post',
  path: root,
  tags,
  ...needs('write'),
  summary: 'Create a webhook',
  description:
    'Retried after 1 and 5 and 15 minutes, 1 and 4 and 12 hours. The native API shows the webhook at `/webhooks/{id}`, and can redeliver its deliveries.',
  request: body(OpenMetadataInput),
  responses: { 201: json(OpenMetadataWebhook, 'Created.'), ...refusals(409, ...badBody) },
})
const list = createRoute({
  method: 'get',
  path: root,
  tags,
  ...needs('read'),
  summary: 'List webhooks, newest first',
  description:
    'Those made by the native API are among them, their subscriptions in words of OpenMetadata as nearly as these can say it. `Accept: application/ld+json` and `text/turtle` give the views as linked data.',
  request: { query: OpenMetadataListQuery },
  responses: { 200: views(pagedOf(OpenMetadataWebhook), 'A page of webhooks. `Link` leads to the next one.'), ...refusals(422) },
})
const get = createRoute({
  method: 'get',
  path,
  tags,
  ...needs('read'),
  summary: 'Get a webhook by id',
  description: '`Accept: application/ld+json` and `text/turtle` give the views as linked data, in the words of its documentation.',
  request: { params: IdParam, query: IncludeQuery },
  responses: { 200: views(OpenMetadataWebhook, 'The webhook.'), ...refusals(404, 422) },
})
const patch = createRoute({
  method: 'patch',
  path,
  tags,
  ...needs('write'),
  summary: 'Update a webhook',
  description:
    'JSON Patch (RFC 6902) on the entity as it is shown: all operations or none. A mask that stays means the secret that is there. `/enabled` set to true also clears the failures; `/deleted` set to false brings a deleted webhook back.',
  request: {
    params: IdParam,
    body: { required: true, content: { [jsonPatchType]: { schema: JsonPatch }, [jsonType]: { schema: JsonPatch } } },
  },
  responses: { 200: json(OpenMetadataWebhook, 'The webhook as it is now.'), ...refusals(404, 409, ...badBody) },
})
const remove = createRoute({
  method: 'delete',
  path,
  tags,
  ...needs('write'),
  summary: 'Delete a webhook',
  description:
    'Softly: nothing is delivered any more, open deliveries are cancelled, the name stays taken, and a patch can bring it back. With `hardDelete=true` for good. The delivery log keeps what was.',
  request: { params: IdParam, query: DeleteQuery },
  responses: { 200: json(OpenMetadataWebhook, 'What was deleted.'), ...refusals(404, 409, 422) },
})
const test = createRoute({
  method: 'post',
  path: `${path}/test`,
  tags,
  ...needs('write'),
  summary: 'Test a webhook',
  description: 'An event of type `webhook.test` goes to this webhook alone, signed, retried and logged like any other.',
  request: { params: IdParam },
  responses: { 202: json(OpenMetadataTest, 'Accepted for delivery.'), ...refusals(404, 409) },
})
const deliveries = createRoute({
  method: 'get',
  path: `${path}/deliveries`,
  tags,
  ...needs('read'),
  summary: 'Get the delivery log of a webhook, newest first',
  request: { params: IdParam, query: OpenMetadataDeliveryQuery },
  responses: { 200: json(pagedOf(OpenMetadataDelivery), 'A page of deliveries.'), ...refusals(404, 422) },
})
const versions = createRoute({
  method: 'get',
  path: `${path}/versions`,
  tags,
  ...needs('read'),
  summary: 'List the versions of a webhook',
  request: { params: IdParam },
  responses: { 200: json(OpenMetadataHistory, 'All versions.'), ...refusals(404) },
})
const version = createRoute({
  method: 'get',
  path: `${path}/versions/{version}`,
  tags,
  ...needs('read'),
  summary: 'Get a version of a webhook',
  request: { params: VersionParams },
  responses: { 200: json(OpenMetadataWebhook.partial(), 'The webhook as it was.'), ...refusals(404) },
})

export function addOpenMetadataRoutes(app: App, guard: Guard, deps: StatusDeps): void {
  /** Behind a proxy, who asks says what they like of where they reached us: the setting is believed before the request. */
  const callerOf = (c: Context<AppEnv>): Caller => ({
    key: c.get('key'),
    origin: deps.settings.publicUrl?.replace(/\/$/, '') ?? new URL(c.req.url).origin,
  })

  app.openapi(guard(create), async (c) => c.json(await createEntity(callerOf(c), c.req.valid('json'), deps), 201))
  app.openapi(guard(list), async (c) => {
    const page = await listEntities(callerOf(c), c.req.valid('query'), deps)
    linkToNext(c, callerOf(c).origin + root, page.paging.after)
    return viewIn(c, page.data) ?? c.json(page, 200)
  })
  app.openapi(guard(get), async (c) => {
    const record = await findRecord(callerOf(c), c.req.valid('param').id, c.req.valid('query').include, deps)
    const webhook = shown(record, callerOf(c), deps)
    return viewIn(c, webhook) ?? c.json(webhook, 200)
  })
  app.openapi(guard(patch), async (c) => c.json(await patchEntityOf(callerOf(c), c.req.valid('param').id, c.req.valid('json'), deps), 200))
  app.openapi(guard(remove), async (c) => {
    const deleted = c.req.valid('query').hardDelete ? eraseEntity : removeEntity
    return c.json(await deleted(callerOf(c), c.req.valid('param').id, deps), 200)
  })
  app.openapi(guard(test), async (c) => c.json(await sendTestEvent(c.get('key').organizationId, c.req.valid('param').id, deps), 202))
  app.openapi(guard(deliveries), async (c) =>
    c.json(await deliveriesOf(callerOf(c), c.req.valid('param').id, c.req.valid('query'), deps), 200),
  )
  app.openapi(guard(versions), async (c) => c.json(await versionsOf(callerOf(c), c.req.valid('param').id, deps), 200))
  app.openapi(guard(version), async (c) => {
    const { id, version: wanted } = c.req.valid('param')
    return c.json(await findVersion(callerOf(c), id, wanted, deps), 200)
  })
}
