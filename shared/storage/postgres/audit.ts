import { and, asc, desc, eq, getTableColumns, gt, lt, sql, type SQL } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import { checkChain, hashOf, textOf, type StorableAuditRow } from '../audit-chain.ts'
import type { AuditCheck, AuditStore, NewAuditRow } from '../audit.ts'
import { clean } from './columns.ts'
import { inTransaction, type Db } from './database.ts'
import { audit } from './guard-schema.ts'
import { hold } from './locks.ts'

/** The texts as they are stored: what is hashed is what is there, and no other form of it. */
const text = (column: typeof audit.before | typeof audit.after) => sql<string | null>`${column}::text`
const stored = { ...getTableColumns(audit), before: text(audit.before).as('before_text'), after: text(audit.after).as('after_text') }

/** A row as it will be read again. */
function storable(row: NewAuditRow): StorableAuditRow {
  const texts = Object.entries(row).map(([name, value]) => [name, typeof value === 'string' ? clean(value) : value])
  return { ...(Object.fromEntries(texts) as NewAuditRow), before: textOf(row.before), after: textOf(row.after) }
}

const is = (column: PgColumn, value: string | undefined) => (value === undefined ? undefined : eq(column, value))
const own = (organizationId: string, ...more: (SQL | undefined)[]) => and(eq(audit.organizationId, organizationId), ...more)

export function create(db: Db): AuditStore {
  return {
    append: (row) =>
      inTransaction(db, async (tx) => {
        // one after the other in each organization: no two rows follow the same one
        await hold(tx, 'audit', row.organizationId)
        const [last] = await tx.select({ hash: audit.hash }).from(audit).where(own(row.organizationId)).orderBy(desc(audit.seq)).limit(1)
        const previousHash = last?.hash ?? ''
        const values = storable(row)
        const [before, after] = [values.before, values.after].map((value) => sql`${value}::json`)
        await tx.insert(audit).values({ ...values, before, after, previousHash, hash: hashOf(values, previousHash) })
      }),
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
        .limit(limit),
    async verify(organizationId, from, most): Promise<AuditCheck> {
      const rows = await db
        .select(stored)
        .from(audit)
        .where(own(organizationId, gt(audit.seq, from.seq)))
        .orderBy(asc(audit.seq))
        .limit(most)
      return checkChain(rows, from, most)
    },
  }
}
