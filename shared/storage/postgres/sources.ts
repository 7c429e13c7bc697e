import { and, asc, eq } from 'drizzle-orm'
import type { SourceStore } from '../storage.ts'
import type { Db } from './database.ts'
import { bump, inRegistry } from './registry.ts'
import { sources } from './schema.ts'

const named = (organizationId: string, name: string) => and(eq(sources.organizationId, organizationId), eq(sources.name, name))

export function create(db: Db): SourceStore {
  return {
    create: (source) =>
      inRegistry(db, async (tx) => {
        const { rowCount } = await tx.insert(sources).values(source).onConflictDoNothing()
        if (rowCount === 1) await bump(tx)
        return rowCount === 1
      }),
    async find(organizationId, name) {
      const [found] = await db.select().from(sources).where(named(organizationId, name))
      return found
    },
    async locate(idOrName) {
      const [byId] = await db.select().from(sources).where(eq(sources.id, idOrName))
      if (byId) return byId
      // Two organizations may use one name; a request without a key must then say which by the id.
      const [only, ...others] = await db.select().from(sources).where(eq(sources.name, idOrName)).limit(2)
      return others.length === 0 ? only : undefined
    },
    ofAdapter: (adapter, limit) => db.select().from(sources).where(eq(sources.adapter, adapter)).orderBy(asc(sources.id)).limit(limit),
    list: (organizationId) => db.select().from(sources).where(eq(sources.organizationId, organizationId)).orderBy(asc(sources.name)),
    update: (organizationId, name, patch, now) =>
      inRegistry(db, async (tx) => {
        const set = { ...patch, updatedAt: now }
        const [updated] = await tx.update(sources).set(set).where(named(organizationId, name)).returning()
        if (updated) await bump(tx)
        return updated
      }),
    remove: (organizationId, name) =>
      inRegistry(db, async (tx) => {
        const { rowCount } = await tx.delete(sources).where(named(organizationId, name))
        if (rowCount === 1) await bump(tx)
        return rowCount === 1
      }),
  }
}
