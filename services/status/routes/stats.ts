import { createRoute } from '@hono/zod-openapi'
import { Health, HealthQuery, Stats, StatsQuery } from '../../../shared/contracts/api/stats.ts'
import type { App } from '../../../shared/http/app.ts'
import type { StatusDeps } from '../deps.ts'
import { createStatsReader } from '../stats.ts'
import { json, needs, refusals, type Guard } from './route.ts'

const tags = ['Figures']

const overview = createRoute({
  method: 'get',
  path: '/stats',
  tags,
  ...needs('read'),
  summary: 'How it goes',
  description: 'Events and attempts minute by minute, how long deliveries take, and what waits.',
  request: { query: StatsQuery },
  responses: { 200: json(Stats, 'The figures.'), ...refusals(422) },
})
const health = createRoute({
  method: 'get',
  path: '/stats/webhooks',
  tags,
  ...needs('read'),
  summary: 'How it goes with each webhook',
  description: 'Attempts that succeeded and failed, in 48 stretches of the time. At most ten seconds old.',
  request: { query: HealthQuery },
  responses: { 200: json(Health, 'The figures.'), ...refusals(422) },
})

export function addStatsRoutes(app: App, guard: Guard, deps: StatusDeps): void {
  const stats = createStatsReader(deps)
  app.openapi(guard(overview), async (c) => c.json(await stats.overview(c.get('key').organizationId, c.req.valid('query').minutes), 200))
  app.openapi(guard(health), async (c) => c.json(await stats.health(c.get('key').organizationId, c.req.valid('query').hours), 200))
}
