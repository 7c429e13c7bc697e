import { createRoute } from '@hono/zod-openapi'
import { IdParam, listOf } from '../../../shared/contracts/api/list.ts'
import { Subscription, SubscriptionParams, SubscriptionSet } from '../../../shared/contracts/api/subscription.ts'
import { SubscriptionInput, type Subscription as Stored } from '../../../shared/contracts/subscription.ts'
import type { App } from '../../../shared/http/app.ts'
import { createId } from '../../../shared/id.ts'
import type { StatusDeps } from '../deps.ts'
import { notFound } from '../refuse.ts'
import { onePage, subscriptionOf } from '../shape.ts'
import { badBody, body, json, needs, refusals, type Guard } from './route.ts'

const tags = ['Subscriptions']
const path = '/webhooks/{id}/subscriptions'

const add = createRoute({
  method: 'post',
  path,
  tags,
  ...needs('write'),
  summary: 'Subscribe to an event type',
  description:
    'One with the same event type and filters is returned as it is. Several of a webhook may match: it is still one delivery for each event.',
  request: { params: IdParam, ...body(SubscriptionInput) },
  responses: { 200: json(Subscription, 'It was there already.'), 201: json(Subscription, 'Subscribed.'), ...refusals(404, ...badBody) },
})
const list = createRoute({
  method: 'get',
  path,
  tags,
  ...needs('read'),
  summary: 'List subscriptions',
  request: { params: IdParam },
  responses: { 200: json(listOf(Subscription), 'All subscriptions in force.'), ...refusals(404) },
})
const replace = createRoute({
  method: 'put',
  path,
  tags,
  ...needs('write'),
  summary: 'Replace all subscriptions',
  description: 'Those that stay keep their ids. `["*"]` is every event, `[]` none.',
  request: { params: IdParam, ...body(SubscriptionSet) },
  responses: { 200: json(listOf(Subscription), 'The whole set as it is now.'), ...refusals(404, ...badBody) },
})
const remove = createRoute({
  method: 'delete',
  path: '/webhooks/{id}/subscriptions/{subscriptionId}',
  tags,
  ...needs('write'),
  summary: 'Unsubscribe',
  request: { params: SubscriptionParams },
  responses: { 204: { description: 'Removed.' }, ...refusals(404) },
})

export function addSubscriptionRoutes(app: App, guard: Guard, { storage, clock }: StatusDeps): void {
  const made = (organizationId: string, webhookId: string, { event_type, filters }: SubscriptionInput): Stored => ({
    id: createId(),
    organizationId,
    webhookId,
    eventType: event_type,
    filters: filters ?? {},
    createdAt: clock.now(),
    deletedAt: null,
  })

  app.openapi(guard(add), async (c) => {
    const { id } = c.req.valid('param')
    const wished = made(c.get('key').organizationId, id, c.req.valid('json'))
    const subscription = await storage.subscriptions.add(wished)
    if (!subscription) throw notFound('webhook', id)
    return c.json(subscriptionOf(subscription), subscription.id === wished.id ? 201 : 200)
  })
  app.openapi(guard(list), async (c) => {
    const { id } = c.req.valid('param')
    const subscriptions = await storage.subscriptions.list(c.get('key').organizationId, id)
    if (!subscriptions) throw notFound('webhook', id)
    return c.json(onePage(subscriptions.map(subscriptionOf)), 200)
  })
  app.openapi(guard(replace), async (c) => {
    const { id } = c.req.valid('param')
    const { organizationId } = c.get('key')
    const wished = c.req.valid('json').map((one) => made(organizationId, id, typeof one === 'string' ? { event_type: one } : one))
    const subscriptions = await storage.subscriptions.replace(organizationId, id, wished, clock.now())
    if (!subscriptions) throw notFound('webhook', id)
    return c.json(onePage(subscriptions.map(subscriptionOf)), 200)
  })
  app.openapi(guard(remove), async (c) => {
    const { id, subscriptionId } = c.req.valid('param')
    if (!(await storage.subscriptions.remove(c.get('key').organizationId, id, subscriptionId, clock.now())))
      throw notFound('subscription', subscriptionId)
    return c.body(null, 204)
  })
}
