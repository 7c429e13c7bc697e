import { createHash } from 'node:crypto'
import type { AuditCheck, AuditRow, NewAuditRow } from './audit.ts'

/** How the rows of the audit log are tied together, the same in every dialect, so that a chain can be carried from one to another. */
export type StorableAuditRow = Omit<NewAuditRow, 'before' | 'after'> & { before: string | null; after: string | null }
type Linked = StorableAuditRow & Pick<AuditRow, 'seq' | 'previousHash' | 'hash'>

/** What is hashed is the text that is stored, and no other form of it. */
export const textOf = (value: unknown): string | null => (value === null || value === undefined ? null : JSON.stringify(value))

export function hashOf(row: StorableAuditRow, previousHash: string): string {
  const { organizationId, at, actor, actorLabel, action, targetType, targetId, before, after, requestId } = row
  const all = [previousHash, organizationId, at, actor, actorLabel, action, targetType, targetId, before, after, requestId]
  return createHash('sha256').update(JSON.stringify(all)).digest('hex')
}

/** Goes on with a check over the next rows; fewer than `most`, and it is done. */
export function checkChain(rows: Linked[], from: Pick<AuditCheck, 'seq' | 'hash' | 'rows'>, most: number): AuditCheck {
  let { seq, hash, rows: count } = from
  for (const row of rows) {
    if (row.previousHash !== hash || row.hash !== hashOf(row, hash)) return { rows: count, seq, hash, brokenAt: row.seq, done: true }
    seq = row.seq
    hash = row.hash
    count++
  }
  return { rows: count, seq, hash, brokenAt: null, done: rows.length < most }
}
