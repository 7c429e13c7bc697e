import { createRoute } from '@hono/zod-openapi'
import { RedeliverInput, Redelivery } from '../../../shared/contracts/api/delivery.ts'
import { IdParam, LimitQuery, listOf } from '../../../shared/contracts/api/list.ts'
import type { App } from '../../../shared/http/app.ts'
import { createId } from '../../../shared/id.ts'
import type { StatusDeps } from '../deps.ts'
import { notFound } from '../refuse.ts'
import { redeliveryOf } from '../shape.ts'
import { badBody, body, json, needs, refusals, type Guard } from './route.ts'

const tags = ['Redeliveries']

const create = createRoute({
  method: 'post',
  path: '/webhook-deliveries/redeliver',
  tags,
  ...needs('write'),
  summary: 'Send again all that match',
  description: 'Finished deliveries that match the filter, oldest first, piece by piece; it survives a restart and can be stopped.',
  request: body(RedeliverInput),
  responses: { 202: json(Redelivery, 'Begun; `matched` says how many deliveries there are.'), ...refusals(...badBody) },
})
const list = createRoute({
  method: 'get',
  path: '/redeliveries',
  tags,
  ...needs('read'),
  summary: 'List redeliveries, newest first',
  request: { query: LimitQuery },
  responses: { 200: json(listOf(Redelivery), 'The newest; there is no further page.'), ...refusals(422) },
})
const get = createRoute({
  method: 'get',
  path: '/redeliveries/{id}',
  tags,
  ...needs('read'),
  summary: 'Look at a redelivery',
  request: { params: IdParam },
  responses: { 200: json(Redelivery, 'How far it has come.'), ...refusals(404) },
})
const stop = createRoute({
  method: 'delete',
  path: '/redeliveries/{id}',
  tags,
  ...needs('write'),
  summary: 'Stop a redelivery',
  description: 'No more deliveries are opened; those that were go on. One that is finished stays finished.',
  request: { params: IdParam },
  responses: { 200: json(Redelivery, 'As it was left.'), ...refusals(404) },
})

export function addRedeliveryRoutes(app: App, guard: Guard, { storage, clock }: StatusDeps): void {
  app.openapi(guard(create), async (c) => {
    const now = clock.now()
    const { filter } = c.req.valid('json')
    const wanted = { organizationId: c.get('key').organizationId, filter }
    // counted by the side of the log that nobody waits for
    const matched = await storage.redeliveries.count(wanted)
    const redelivery = await storage.redeliveries.create({ ...wanted, before: now, id: createId(), matched }, now)
    return c.json(redeliveryOf(redelivery), 202)
  })
  app.openapi(guard(list), async (c) => {
    const { limit } = c.req.valid('query')
    const redeliveries = await storage.redeliveries.list(c.get('key').organizationId, { limit: limit + 1 })
    return c.json(
      { data: redeliveries.slice(0, limit).map(redeliveryOf), meta: { next_cursor: null, has_more: redeliveries.length > limit } },
      200,
    )
  })
  app.openapi(guard(get), async (c) => {
    const { id } = c.req.valid('param')
    const redelivery = await storage.redeliveries.find(c.get('key').organizationId, id)
    if (!redelivery) throw notFound('redelivery', id)
    return c.json(redeliveryOf(redelivery), 200)
  })
  app.openapi(guard(stop), async (c) => {
    const { id } = c.req.valid('param')
    const redelivery = await storage.redeliveries.stop(c.get('key').organizationId, id, clock.now())
    if (!redelivery) throw notFound('redelivery', id)
    return c.json(redeliveryOf(redelivery), 200)
  })
}
