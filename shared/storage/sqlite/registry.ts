import { eq, sql } from 'drizzle-orm'
import type { Db } from './database.ts'
import { registry } from './schema.ts'

const row = 1

/** Called by every write of a webhook, subscription or source, in the same transaction, so that no cache misses one. */
export function registryBump(db: Db): () => void {
  const bump = db
    .insert(registry)
    .values({ id: row, version: 1 })
    .onConflictDoUpdate({ target: registry.id, set: { version: sql`${registry.version} + 1` } })
    .prepare()
  return () => void bump.run()
}

/** 0 before the first write. */
export function registryVersion(db: Db): () => number {
  const read = db.select({ version: registry.version }).from(registry).where(eq(registry.id, row)).prepare()
  return () => read.get()?.version ?? 0
}
