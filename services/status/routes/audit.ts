import { createRoute } from '@hono/zod-openapi'
import { AuditCheck, AuditEntry, AuditQuery } from '../../../shared/contracts/api/audit.ts'
import { listOf } from '../../../shared/contracts/api/list.ts'
import type { App } from '../../../shared/http/app.ts'
import { checkAudit, listAudit } from '../audit.ts'
import type { StatusDeps } from '../deps.ts'
import { json, needs, refusals, type Guard } from './route.ts'

const tags = ['Audit']

const list = createRoute({
  method: 'get',
  path: '/audit',
  tags,
  ...needs('admin'),
  summary: 'List who changed what, newest first',
  description: 'Every change that was made through this API, by an API key or a browser that is signed in.',
  request: { query: AuditQuery },
  responses: { 200: json(listOf(AuditEntry), 'A page of entries.'), ...refusals(422) },
})
const verify = createRoute({
  method: 'get',
  path: '/audit/verify',
  tags,
  ...needs('admin'),
  summary: 'Check that the audit log is whole',
  description: 'Each entry covers the one before it with its hash: one that was changed, taken out or put in is found.',
  responses: { 200: json(AuditCheck, 'What the check found.'), ...refusals() },
})

export function addAuditRoutes(app: App, guard: Guard, deps: StatusDeps): void {
  app.openapi(guard(list), async (c) => c.json(await listAudit(c.get('key').organizationId, c.req.valid('query'), deps), 200))
  app.openapi(guard(verify), async (c) => c.json(await checkAudit(c.get('key').organizationId, deps), 200))
}
