import { and, asc, desc, eq, getTableColumns, gt, lt, sql, type SQL } from 'drizzle-orm'
import type { SQLiteColumn } from 'drizzle-orm/sqlite-core'
import { checkChain, hashOf, textOf } from '../audit-chain.ts'
import type { AuditCheck, AuditStore } from '../audit.ts'
import type { Db } from './database.ts'
import { audit } from './guard-schema.ts'
import type { Sync } from './stores.ts'

/** The texts as they are stored: what is hashed is what is there, and no other form of it. */
const text = (column: typeof audit.before | typeof audit.after) => sql<string | null>`${column}`
const stored = { ...getTableColumns(audit), before: text(audit.before).as('before_text'), after: text(audit.after).as('after_text') }

const own = (organizationId: string, ...more: (SQL | undefined)[]) => and(eq(audit.organizationId, organizationId), ...more)
const is = (column: SQLiteColumn, value: string | undefined) => (value === undefined ? undefined : eq(column, value))

export function reads(db: Db): Pick<Sync<AuditStore>, 'list' | 'verify'> {
  return {
    list: (organizationId, { actor, action, targetType, targetId }, { limit, before }) =>
      db
        .select()
        .from(audit)
        .where(
          own(
            organizationId,
            is(audit.actor, actor),
            is(audit.action, action),
            is(audit.targetType, targetType),
            is(audit.targetId, targetId),
            before === undefined ? undefined : lt(audit.seq, before),
          ),
        )
        .orderBy(desc(audit.seq))
        .limit(limit)
        .all(),
    verify(organizationId, from, most): AuditCheck {
      const rows = db
        .select(stored)
        .from(audit)
        .where(own(organizationId, gt(audit.seq, from.seq)))
        .orderBy(asc(audit.seq))
        .limit(most)
        .all()
      return checkChain(rows, from, most)
    },
  }
}

export function writes(db: Db): Pick<Sync<AuditStore>, 'append'> {
  const p = sql.placeholder
  const last = db
    .select({ hash: audit.hash })
    .from(audit)
    .where(eq(audit.organizationId, p('organizationId')))
    .orderBy(desc(audit.seq))
    .limit(1)
    .prepare()
  const insert = db.$client.prepare(
    `INSERT INTO audit (organization_id, at, actor, actor_label, action, target_type, target_id, before, after, request_id, previous_hash, hash)
     VALUES (@organizationId, @at, @actor, @actorLabel, @action, @targetType, @targetId, @before, @after, @requestId, @previousHash, @hash)`,
  )
  return {
    append(row) {
      const previousHash = last.get({ organizationId: row.organizationId })?.hash ?? ''
      const texts = { ...row, before: textOf(row.before), after: textOf(row.after) }
      insert.run({ ...texts, previousHash, hash: hashOf(texts, previousHash) })
    },
  }
}
