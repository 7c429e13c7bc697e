import { eq, sql } from 'drizzle-orm'
import { inTransaction, type Db, type Executor } from './database.ts'
import { hold } from './locks.ts'
import { registry } from './schema.ts'

const row = 1

/**
 * A change of webhooks, subscriptions or sources. One at a time, over all processes: of two that would close a loop together, or
 * take one name, the second one finds the first. They are changes by people, and rare.
 */
export const inRegistry = <T>(db: Db, work: (tx: Executor) => Promise<T>): Promise<T> =>
  inTransaction(db, async (tx) => {
    await hold(tx, 'registry')
    return work(tx)
  })

/** Several reads of one moment. */
export const inSnapshot = <T>(db: Db, read: (tx: Executor) => Promise<T>): Promise<T> =>
  db.transaction(read, { isolationLevel: 'repeatable read', accessMode: 'read only' })

/** Called at the end of every such change, in the same transaction, so that no cache misses one. */
export async function bump(tx: Executor): Promise<void> {
  await tx
    .insert(registry)
    .values({ id: row, version: 1 })
    .onConflictDoUpdate({ target: registry.id, set: { version: sql`${registry.version} + 1` } })
}

/** 0 before the first write. */
export async function registryVersion(db: Executor): Promise<number> {
  const [found] = await db.select({ version: registry.version }).from(registry).where(eq(registry.id, row))
  return found?.version ?? 0
}
