import { and, eq, getTableColumns, isNotNull, isNull } from 'drizzle-orm'
import type { HealthStore } from '../storage.ts'
import type { Db } from './database.ts'
import { eventInsert } from './events.ts'
import { registryBump } from './registry.ts'
import { webhooks } from './schema.ts'
import type { Sync } from './stores.ts'

const { removedAt, ...columns } = getTableColumns(webhooks)
const isFailing = and(isNotNull(webhooks.failingSince), eq(webhooks.active, true), isNull(removedAt))

export const reads = (db: Db): Pick<Sync<HealthStore>, 'failing'> => ({
  failing: () => db.select(columns).from(webhooks).where(isFailing).all(),
})

export function writes(db: Db): Pick<Sync<HealthStore>, 'warn' | 'disable'> {
  const insertEvent = eventInsert(db)
  const bump = registryBump(db)
  const change = (id: string, set: Partial<typeof webhooks.$inferInsert>) =>
    db
      .update(webhooks)
      .set(set)
      .where(and(eq(webhooks.id, id), isFailing))
      .run().changes === 1
  return {
    warn(id, warnings, event) {
      if (!change(id, { warnings })) return false
      insertEvent(event)
      return true
    },
    disable(id, disabledReason, event, now) {
      if (!change(id, { active: false, disabledReason, updatedAt: now })) return false
      insertEvent(event)
      bump()
      return true
    },
  }
}
