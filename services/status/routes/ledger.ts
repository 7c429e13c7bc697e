import { createRoute } from '@hono/zod-openapi'
import { Ledger, LedgerQuery } from '../../../shared/contracts/api/ledger.ts'
import type { App } from '../../../shared/http/app.ts'
import type { StatusDeps } from '../deps.ts'
import { readLedger } from '../ledger.ts'
import { json, needs, refusals, type Guard } from './route.ts'

const get = createRoute({
  method: 'get',
  path: '/ledger',
  tags: ['Events'],
  ...needs('read'),
  summary: 'Account for every event',
  description:
    'For a range of time: accepted = delivered + failed + cancelled + pending + matched nothing. Names each event for which it does not add up.',
  request: { query: LedgerQuery },
  responses: { 200: json(Ledger, 'The account.'), ...refusals(422) },
})

export function addLedgerRoutes(app: App, guard: Guard, deps: StatusDeps): void {
  app.openapi(guard(get), async (c) => c.json(await readLedger(c.get('key').organizationId, c.req.valid('query'), deps), 200))
}
