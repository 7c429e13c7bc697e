import { createRoute } from '@hono/zod-openapi'
import { IdParam, LimitQuery, listOf } from '../../../shared/contracts/api/list.ts'
import { Replay, ReplayInput } from '../../../shared/contracts/api/replay.ts'
import type { App } from '../../../shared/http/app.ts'
import type { StatusDeps } from '../deps.ts'
import { notFound } from '../refuse.ts'
import { createReplay, replayOf } from '../replay.ts'
import { badBody, body, json, needs, refusals, type Guard } from './route.ts'

const tags = ['Replays']

const create = createRoute({
  method: 'post',
  path: '/webhooks/{id}/replay',
  tags,
  ...needs('write'),
  summary: 'Match old events again',
  description:
    'For this webhook, since a time: events that match its subscriptions of today and have no delivery to it yet get one, oldest first, piece by piece; it survives a restart and can be stopped. What it has got already is sent again by a redelivery.',
  request: { params: IdParam, ...body(ReplayInput) },
  responses: { 202: json(Replay, 'Begun; `events` says how many there are to look at.'), ...refusals(404, 409, ...badBody) },
})
const latest = createRoute({
  method: 'get',
  path: '/webhooks/{id}/replay',
  tags,
  ...needs('read'),
  summary: 'Look at the latest replay of a webhook',
  request: { params: IdParam },
  responses: { 200: json(Replay, 'How far it has come.'), ...refusals(404) },
})
const list = createRoute({
  method: 'get',
  path: '/replays',
  tags,
  ...needs('read'),
  summary: 'List replays, newest first',
  request: { query: LimitQuery },
  responses: { 200: json(listOf(Replay), 'The newest; there is no further page.'), ...refusals(422) },
})
const get = createRoute({
  method: 'get',
  path: '/replays/{id}',
  tags,
  ...needs('read'),
  summary: 'Look at a replay',
  request: { params: IdParam },
  responses: { 200: json(Replay, 'How far it has come.'), ...refusals(404) },
})
const stop = createRoute({
  method: 'delete',
  path: '/replays/{id}',
  tags,
  ...needs('write'),
  summary: 'Stop a replay',
  description: 'No more deliveries are made; those that were go on. One that is finished stays finished.',
  request: { params: IdParam },
  responses: { 200: json(Replay, 'As it was left.'), ...refusals(404) },
})

export function addReplayRoutes(app: App, guard: Guard, { storage, clock }: StatusDeps): void {
  app.openapi(guard(create), async (c) => {
    const replay = await createReplay(c.get('key').organizationId, c.req.valid('param').id, c.req.valid('json'), { storage, clock })
    return c.json(replayOf(replay), 202)
  })
  app.openapi(guard(latest), async (c) => {
    const { id } = c.req.valid('param')
    const replay = await storage.replays.latest(c.get('key').organizationId, id)
    if (!replay) throw notFound('replay of a webhook', id)
    return c.json(replayOf(replay), 200)
  })
  app.openapi(guard(list), async (c) => {
    const { limit } = c.req.valid('query')
    const replays = await storage.replays.list(c.get('key').organizationId, { limit: limit + 1 })
    return c.json({ data: replays.slice(0, limit).map(replayOf), meta: { next_cursor: null, has_more: replays.length > limit } }, 200)
  })
  app.openapi(guard(get), async (c) => {
    const { id } = c.req.valid('param')
    const replay = await storage.replays.find(c.get('key').organizationId, id)
    if (!replay) throw notFound('replay', id)
    return c.json(replayOf(replay), 200)
  })
  app.openapi(guard(stop), async (c) => {
    const { id } = c.req.valid('param')
    const replay = await storage.replays.stop(c.get('key').organizationId, id, clock.now())
    if (!replay) throw notFound('replay', id)
    return c.json(replayOf(replay), 200)
  })
}
