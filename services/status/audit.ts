import type { z } from 'zod'
import type { AuditCheck as WireCheck, AuditEntry, AuditQuery } from '../../shared/contracts/api/audit.ts'
import { invalid } from '../../shared/problem.ts'
import type { AuditRow } from '../../shared/storage/audit.ts'
import type { StatusDeps } from './deps.ts'
import { iso } from './shape.ts'

type Deps = Pick<StatusDeps, 'storage'>
const rowsPerCheck = 2_000

export async function listAudit(
  organizationId: string,
  { limit, after, actor, action, target_type, target_id }: z.infer<typeof AuditQuery>,
  { storage }: Deps,
): Promise<{ data: AuditEntry[]; meta: { next_cursor: string | null; has_more: boolean } }> {
  if (after !== undefined && !/^\d{1,15}$/.test(after))
    throw invalid([{ path: ['after'], message: 'is no cursor of this list; give `meta.next_cursor` unchanged' }])
  const before = after === undefined ? undefined : Number(after)
  const filter = { actor, action, targetType: target_type, targetId: target_id }
  const rows = await storage.audit.list(organizationId, definedOf(filter), { limit: limit + 1, before })
  const data = rows.slice(0, limit).map(entryOf)
  const hasMore = rows.length > limit
  return { data, meta: { next_cursor: hasMore ? String(data.at(-1)?.seq) : null, has_more: hasMore } }
}

const definedOf = (filter: Record<string, string | undefined>): Record<string, string> =>
  Object.fromEntries(Object.entries(filter).filter((entry): entry is [string, string] => entry[1] !== undefined))

const entryOf = (row: AuditRow): AuditEntry => ({
  seq: row.seq,
  at: iso(row.at),
  actor: row.actor,
  actor_label: row.actorLabel,
  action: row.action,
  target_type: row.targetType,
  target_id: row.targetId,
  before: row.before,
  after: row.after,
  request_id: row.requestId,
  hash: row.hash,
})

/** From the first entry to the last, piece by piece, so that no other reader waits. */
export async function checkAudit(organizationId: string, { storage }: Deps): Promise<z.infer<typeof WireCheck>> {
  let check = await storage.audit.verify(organizationId, { seq: 0, hash: '', rows: 0 }, rowsPerCheck)
  while (!check.done) check = await storage.audit.verify(organizationId, check, rowsPerCheck)
  return { valid: check.brokenAt === null, entries: check.rows, broken_at: check.brokenAt, head: check.hash || null }
}
