import { and, asc, eq } from 'drizzle-orm'
import type { SourceStore } from '../storage.ts'
import type { Db } from './database.ts'
import { registryBump } from './registry.ts'
import { sources } from './schema.ts'
import type { Sync } from './stores.ts'

const named = (organizationId: string, name: string) => and(eq(sources.organizationId, organizationId), eq(sources.name, name))

export function reads(db: Db): Pick<Sync<SourceStore>, 'find' | 'locate' | 'ofAdapter' | 'list'> {
  return {
    find: (organizationId, name) => db.select().from(sources).where(named(organizationId, name)).get(),
    locate(idOrName) {
      const byId = db.select().from(sources).where(eq(sources.id, idOrName)).get()
      if (byId) return byId
      // Two organizations may use one name; a request without a key must then say which by the id.
      const [only, ...others] = db.select().from(sources).where(eq(sources.name, idOrName)).limit(2).all()
      return others.length === 0 ? only : undefined
    },
    ofAdapter: (adapter, limit) =>
      db.select().from(sources).where(eq(sources.adapter, adapter)).orderBy(asc(sources.id)).limit(limit).all(),
    list: (organizationId) => db.select().from(sources).where(eq(sources.organizationId, organizationId)).orderBy(asc(sources.name)).all(),
  }
}

export function writes(db: Db): Pick<Sync<SourceStore>, 'create' | 'update' | 'remove'> {
  const bump = registryBump(db)

  return {
    create(source) {
      const created = db.insert(sources).values(source).onConflictDoNothing().run().changes === 1
      if (created) bump()
      return created
    },
    update(organizationId, name, patch, now) {
      const updated = db
        .update(sources)
        .set({ ...patch, updatedAt: now })
        .where(named(organizationId, name))
        .returning()
        .get()
      if (updated) bump()
      return updated
    },
    remove(organizationId, name) {
      const removed = db.delete(sources).where(named(organizationId, name)).run().changes === 1
      if (removed) bump()
      return removed
    },
  }
}
