import { createRoute } from '@hono/zod-openapi'
import { listOf } from '../../../shared/contracts/api/list.ts'
import { PartialEvent, PartialParams, PartialsQuery } from '../../../shared/contracts/api/partial.ts'
import { SourceParam } from '../../../shared/contracts/api/source.ts'
import type { App } from '../../../shared/http/app.ts'
import { Problem } from '../../../shared/problem.ts'
import type * as stored from '../../../shared/storage/storage.ts'
import type { StatusDeps } from '../deps.ts'
import { notFound } from '../refuse.ts'
import { iso, isoOrNull, pageOf } from '../shape.ts'
import { findSource } from '../sources.ts'
import { json, needs, refusals, type Guard } from './route.ts'

const tags = ['Sources']

const list = createRoute({
  method: 'get',
  path: '/sources/{name}/partials',
  tags,
  ...needs('read'),
  summary: 'List partial events, newest first',
  description:
    'Events of a source with a `lookup`: what they say, and what became of them. Those that have ended are kept for 7 days, failed ones for 30.',
  request: { params: SourceParam, query: PartialsQuery },
  responses: { 200: json(listOf(PartialEvent), 'A page of them.'), ...refusals(404, 422) },
})
const retry = createRoute({
  method: 'post',
  path: '/sources/{name}/partials/{id}/retry',
  tags,
  ...needs('write'),
  summary: 'Look up a failed partial event again',
  description: 'With all attempts that the source has set, as it is set now. The first follows within seconds.',
  request: { params: PartialParams },
  responses: { 202: json(PartialEvent, 'It waits again.'), ...refusals(404, 409) },
})

export function addPartialRoutes(app: App, guard: Guard, { storage, clock }: StatusDeps): void {
  app.openapi(guard(list), async (c) => {
    const { organizationId } = c.get('key')
    const { name } = await findSource(organizationId, c.req.valid('param').name, { storage })
    return c.json(pageOf(await storage.partials.list(organizationId, name, c.req.valid('query')), partialOf), 200)
  })
  app.openapi(guard(retry), async (c) => {
    const { name, id } = c.req.valid('param')
    const { organizationId } = c.get('key')
    await findSource(organizationId, name, { storage })
    const again = await storage.partials.retry(organizationId, name, id, clock.now())
    if (!again) throw notFound('partial event', id)
    if (again === 'open') throw new Problem('conflict', 'only a failed partial event can be looked up again, and this one is not failed')
    return c.json(partialOf(again), 202)
  })
}

const partialOf = (partial: stored.PartialEvent): PartialEvent => ({
  id: partial.id,
  source: partial.source,
  source_event_id: partial.dedupKey,
  type: partial.draft.type,
  entity_type: partial.draft.entity?.type ?? null,
  entity_id: partial.draft.entity?.id ?? null,
  status: partial.state,
  attempts: partial.attempts,
  next_attempt_at: isoOrNull(partial.nextAttemptAt),
  last_status_code: partial.lastStatusCode,
  reason: partial.reason,
  event_id: partial.eventId,
  data: JSON.parse(Buffer.from(partial.raw).toString()) as unknown,
  received_at: iso(partial.receivedAt),
  updated_at: iso(partial.updatedAt),
})
