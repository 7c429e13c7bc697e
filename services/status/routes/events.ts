import { createRoute } from '@hono/zod-openapi'
import { filterReference } from '../../../shared/contracts/api/delivery.ts'
import { Event, EventSummary } from '../../../shared/contracts/api/event.ts'
import { eventFields } from '../../../shared/contracts/api/fields.ts'
import { IdParam, listOf } from '../../../shared/contracts/api/list.ts'
import { FilterRequest } from '../../../shared/contracts/filter.ts'
import type { App } from '../../../shared/http/app.ts'
import type { StatusDeps } from '../deps.ts'
import { showEvent, summaryOf } from '../events.ts'
import { pageOf } from '../shape.ts'
import { badBody, body, json, needs, refusals, type Guard } from './route.ts'

const get = createRoute({
  method: 'get',
  path: '/events/{id}',
  tags: ['Events'],
  ...needs('read'),
  summary: 'Look at an event',
  description: 'As it was received, where it went, and for each subscription of that time why it matched or did not.',
  request: { params: IdParam },
  responses: { 200: json(Event, 'The event.'), ...refusals(404) },
})

const filter = createRoute({
  method: 'post',
  path: '/events/filter',
  tags: ['Events'],
  ...needs('read'),
  summary: 'Search the accepted events',
  description: `Newest first unless sorted otherwise.\n\n${filterReference(eventFields)}`,
  request: body(FilterRequest),
  responses: { 200: json(listOf(EventSummary), 'A page of events.'), ...refusals(...badBody) },
})

export function addEventRoutes(app: App, guard: Guard, deps: StatusDeps): void {
  app.openapi(guard(filter), async (c) =>
    c.json(pageOf(await deps.storage.events.filter(c.get('key').organizationId, c.req.valid('json')), summaryOf), 200),
  )
  app.openapi(guard(get), async (c) => c.json(await showEvent(c.req.valid('param').id, c.get('key'), deps), 200))
}
