import { and, eq, getTableColumns, isNotNull, isNull } from 'drizzle-orm'
import type { HealthStore } from '../storage.ts'
import { inTransaction, type Db, type Executor } from './database.ts'
import { insertEvents } from './events.ts'
import { bump, inRegistry } from './registry.ts'
import { webhooks } from './schema.ts'

const { removedAt, ...columns } = getTableColumns(webhooks)
const isFailing = and(isNotNull(webhooks.failingSince), eq(webhooks.active, true), isNull(removedAt))

/** Whether it still failed, and was changed. A success that is being recorded is waited for. */
async function change(tx: Executor, id: string, set: Partial<typeof webhooks.$inferInsert>): Promise<boolean> {
  const { rowCount } = await tx
    .update(webhooks)
    .set(set)
    .where(and(eq(webhooks.id, id), isFailing))
  return rowCount === 1
}

export function create(db: Db): HealthStore {
  return {
    failing: () => db.select(columns).from(webhooks).where(isFailing),
    warn: (id, warnings, event) =>
      inTransaction(db, async (tx) => {
        if (!(await change(tx, id, { warnings }))) return false
        await insertEvents(tx, [event])
        return true
      }),
    disable: (id, disabledReason, event, now) =>
      inRegistry(db, async (tx) => {
        if (!(await change(tx, id, { active: false, disabledReason, updatedAt: now }))) return false
        await insertEvents(tx, [event])
        await bump(tx)
        return true
      }),
  }
}
