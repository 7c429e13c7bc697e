import { createRoute } from '@hono/zod-openapi'
import { Event } from '../../../shared/contracts/api/event.ts'
import { IdParam } from '../../../shared/contracts/api/list.ts'
import type { App } from '../../../shared/http/app.ts'
import type { StatusDeps } from '../deps.ts'
import { showEvent } from '../events.ts'
import { json, needs, refusals, type Guard } from './route.ts'

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

export function addEventRoutes(app: App, guard: Guard, deps: StatusDeps): void {
  app.openapi(guard(get), async (c) => c.json(await showEvent(c.req.valid('param').id, c.get('key'), deps), 200))
}
