import { createRoute } from '@hono/zod-openapi'
import { EventType, EventTypeInput, EventTypeParam } from '../../../shared/contracts/api/event-type.ts'
import { listOf } from '../../../shared/contracts/api/list.ts'
import type { App } from '../../../shared/http/app.ts'
import type { StatusDeps } from '../deps.ts'
import { notFound } from '../refuse.ts'
import { eventTypeOf, onePage } from '../shape.ts'
import { badBody, body, json, needs, refusals, type Guard } from './route.ts'

const tags = ['Event types']
const path = '/event-types/{name}'
const request = { params: EventTypeParam }

const list = createRoute({
  method: 'get',
  path: '/event-types',
  tags,
  ...needs('read'),
  summary: 'List event types',
  responses: { 200: json(listOf(EventType), 'All registered event types, by name.'), ...refusals() },
})
const get = createRoute({
  method: 'get',
  path,
  tags,
  ...needs('read'),
  summary: 'Look at an event type',
  request,
  responses: { 200: json(EventType, 'The event type.'), ...refusals(404, 422) },
})
const put = createRoute({
  method: 'put',
  path,
  tags,
  ...needs('write'),
  summary: 'Register or replace an event type',
  description: 'Tells those who subscribe what there is. Events of other types are accepted all the same.',
  request: { ...request, ...body(EventTypeInput) },
  responses: { 200: json(EventType, 'Replaced.'), 201: json(EventType, 'Registered.'), ...refusals(...badBody) },
})
const remove = createRoute({
  method: 'delete',
  path,
  tags,
  ...needs('write'),
  summary: 'Remove an event type',
  request,
  responses: { 204: { description: 'Removed.' }, ...refusals(404, 422) },
})

export function addEventTypeRoutes(app: App, guard: Guard, { storage, clock }: StatusDeps): void {
  app.openapi(guard(list), async (c) => c.json(onePage((await storage.eventTypes.list(c.get('key').organizationId)).map(eventTypeOf)), 200))
  app.openapi(guard(get), async (c) => {
    const { name } = c.req.valid('param')
    const eventType = await storage.eventTypes.find(c.get('key').organizationId, name)
    if (!eventType) throw notFound('event type', name)
    return c.json(eventTypeOf(eventType), 200)
  })
  app.openapi(guard(put), async (c) => {
    const { organizationId } = c.get('key')
    const { name } = c.req.valid('param')
    const known = await storage.eventTypes.find(organizationId, name)
    const eventType = { ...c.req.valid('json'), organizationId, name, createdAt: known?.createdAt ?? clock.now(), updatedAt: clock.now() }
    await storage.eventTypes.put(eventType)
    return c.json(eventTypeOf(eventType), known ? 200 : 201)
  })
  app.openapi(guard(remove), async (c) => {
    const { name } = c.req.valid('param')
    if (!(await storage.eventTypes.remove(c.get('key').organizationId, name))) throw notFound('event type', name)
    return c.body(null, 204)
  })
}
