import { and, asc, eq } from 'drizzle-orm'
import type { EventTypeStore } from '../storage.ts'
import type { Db } from './database.ts'
import { eventTypes } from './schema.ts'
import type { Sync } from './stores.ts'

const named = (organizationId: string, name: string) => and(eq(eventTypes.organizationId, organizationId), eq(eventTypes.name, name))

export function reads(db: Db): Pick<Sync<EventTypeStore>, 'find' | 'list'> {
  return {
    find: (organizationId, name) => db.select().from(eventTypes).where(named(organizationId, name)).get(),
    list: (organizationId) =>
      db.select().from(eventTypes).where(eq(eventTypes.organizationId, organizationId)).orderBy(asc(eventTypes.name)).all(),
  }
}

export function writes(db: Db): Pick<Sync<EventTypeStore>, 'put' | 'remove'> {
  return {
    /** The first put decides `createdAt`. */
    put({ createdAt, ...eventType }) {
      const target = [eventTypes.organizationId, eventTypes.name]
      db.insert(eventTypes)
        .values({ ...eventType, createdAt })
        .onConflictDoUpdate({ target, set: eventType })
        .run()
    },
    remove: (organizationId, name) => db.delete(eventTypes).where(named(organizationId, name)).run().changes === 1,
  }
}
