import { createRoute } from '@hono/zod-openapi'
import { filterReference } from '../../../shared/contracts/api/delivery.ts'
import { webhookFields } from '../../../shared/contracts/api/fields.ts'
import { IdParam, PageQuery, listOf } from '../../../shared/contracts/api/list.ts'
import { RotateInput, TestAccepted, Webhook, WebhookInput, WebhookPatch, WebhookWithSecret } from '../../../shared/contracts/api/webhook.ts'
import { FilterRequest } from '../../../shared/contracts/filter.ts'
import type { App } from '../../../shared/http/app.ts'
import { Problem } from '../../../shared/problem.ts'
import type { ApiKey } from '../../../shared/storage/storage.ts'
import type { StatusDeps } from '../deps.ts'
import { mayWrite, pageOf, webhookOf } from '../shape.ts'
import { sendTestEvent } from '../test-event.ts'
import { createWebhook, find, patchWebhook, removeWebhook, rotateSecret } from '../webhooks.ts'
import { badBody, body, json, jsonType, mergePatchType, needs, refusals, type Guard } from './route.ts'

const tags = ['Webhooks']
const path = '/webhooks/{id}'

const create = createRoute({
  method: 'post',
  path: '/webhooks',
  tags,
  ...needs('write'),
  summary: 'Register a webhook',
  description:
    'A new webhook has no subscription, so nothing is sent until it gets one. The answer is the only place where the secret is shown.',
  request: body(WebhookInput),
  responses: { 201: json(WebhookWithSecret, 'Registered.'), ...refusals(...badBody) },
})
const list = createRoute({
  method: 'get',
  path: '/webhooks',
  tags,
  ...needs('read'),
  summary: 'List webhooks, newest first',
  request: { query: PageQuery },
  responses: { 200: json(listOf(Webhook), 'A page of webhooks.'), ...refusals(422) },
})
const filter = createRoute({
  method: 'post',
  path: '/webhooks/filter',
  tags,
  ...needs('read'),
  summary: 'Filter webhooks',
  description: filterReference(webhookFields),
  request: body(FilterRequest),
  responses: { 200: json(listOf(Webhook), 'A page of webhooks.'), ...refusals(...badBody) },
})
const get = createRoute({
  method: 'get',
  path,
  tags,
  ...needs('read'),
  summary: 'Look at a webhook',
  request: { params: IdParam },
  responses: { 200: json(Webhook, 'The webhook.'), ...refusals(404) },
})
const patch = createRoute({
  method: 'patch',
  path,
  tags,
  ...needs('write'),
  summary: 'Change a webhook',
  description:
    'JSON Merge Patch (RFC 7396): members left out stay, `null` goes back to the default. `active: true` also clears the failures counted so far.',
  request: {
    params: IdParam,
    body: { required: true, content: { [jsonType]: { schema: WebhookPatch }, [mergePatchType]: { schema: WebhookPatch } } },
  },
  responses: { 200: json(Webhook, 'The webhook as it is now.'), ...refusals(404, ...badBody) },
})
const remove = createRoute({
  method: 'delete',
  path,
  tags,
  ...needs('write'),
  summary: 'Remove a webhook',
  description: 'Its subscriptions end and its open deliveries are cancelled. The delivery log keeps what was.',
  request: { params: IdParam },
  responses: { 204: { description: 'Removed.' }, ...refusals(404) },
})
const rotate = createRoute({
  method: 'post',
  path: '/webhooks/{id}/rotate-secret',
  tags,
  ...needs('write'),
  summary: 'Make a new secret',
  description:
    'Requests carry a signature of the new and of the old secret until the overlap has passed. The new one is shown in this answer alone.',
  request: { params: IdParam, body: { required: false, content: { [jsonType]: { schema: RotateInput } } } },
  responses: { 200: json(WebhookWithSecret, 'The webhook and its new secret.'), ...refusals(404, ...badBody) },
})
const test = createRoute({
  method: 'post',
  path: '/webhooks/{id}/test',
  tags,
  ...needs('write'),
  summary: 'Send a test event',
  description: 'An event of type `webhook.test` goes to this webhook alone, signed, retried and logged like any other.',
  request: { params: IdParam },
  responses: { 202: json(TestAccepted, 'Accepted for delivery.'), ...refusals(404, 409) },
})

export function addWebhookRoutes(app: App, guard: Guard, deps: StatusDeps): void {
  const shape = (key: ApiKey) => (webhook: Parameters<typeof webhookOf>[0]) =>
    webhookOf(webhook, key, { vault: deps.vault, now: deps.clock.now() })

  app.openapi(guard(create), async (c) => {
    const { webhook, secret } = await createWebhook(c.get('key').organizationId, c.req.valid('json'), deps)
    return c.json({ ...shape(c.get('key'))(webhook), secret }, 201)
  })
  app.openapi(guard(list), async (c) =>
    c.json(pageOf(await deps.storage.webhooks.list(c.get('key').organizationId, c.req.valid('query')), shape(c.get('key'))), 200),
  )
  app.openapi(guard(filter), async (c) => {
    const request = c.req.valid('json')
    refuseUrls(request, c.get('key'))
    return c.json(pageOf(await deps.storage.webhooks.filter(c.get('key').organizationId, request), shape(c.get('key'))), 200)
  })
  app.openapi(guard(get), async (c) =>
    c.json(shape(c.get('key'))(await find(c.get('key').organizationId, c.req.valid('param').id, deps)), 200),
  )
  app.openapi(guard(patch), async (c) => {
    const webhook = await patchWebhook(c.get('key').organizationId, c.req.valid('param').id, c.req.valid('json'), deps)
    return c.json(shape(c.get('key'))(webhook), 200)
  })
  app.openapi(guard(remove), async (c) => {
    await removeWebhook(c.get('key').organizationId, c.req.valid('param').id, deps)
    return c.body(null, 204)
  })
  app.openapi(guard(rotate), async (c) => {
    const { overlap_seconds } = RotateInput.parse(c.req.valid('json'))
    const { webhook, secret } = await rotateSecret(c.get('key').organizationId, c.req.valid('param').id, overlap_seconds, deps)
    return c.json({ ...shape(c.get('key'))(webhook), secret }, 200)
  })
  app.openapi(guard(test), async (c) => {
    const { eventId, deliveryId } = await sendTestEvent(c.get('key').organizationId, c.req.valid('param').id, deps)
    return c.json({ event_id: eventId, delivery_id: deliveryId }, 202)
  })
}

/** Whoever sees URLs masked could guess them letter by letter with `like`, or by their order. */
function refuseUrls(request: FilterRequest, key: ApiKey): void {
  if (mayWrite(key)) return
  if (JSON.stringify([request.filter, request.sort]).includes('"field":"url"'))
    throw new Problem('forbidden', 'a filter or sort by `url` needs a key with the scope "write"')
}
