import { and, asc, eq } from 'drizzle-orm'
import type { EventTypeStore } from '../storage.ts'
import type { Db } from './database.ts'
import { eventTypes } from './schema.ts'

const named = (organizationId: string, name: string) => and(eq(eventTypes.organizationId, organizationId), eq(eventTypes.name, name))

export function create(db: Db): EventTypeStore {
  return {
    /** The first put decides `createdAt`. */
    async put({ createdAt, ...eventType }) {
      const target = [eventTypes.organizationId, eventTypes.name]
      await db
        .insert(eventTypes)
        .values({ ...eventType, createdAt })
        .onConflictDoUpdate({ target, set: eventType })
    },
    async find(organizationId, name) {
      const [found] = await db.select().from(eventTypes).where(named(organizationId, name))
      return found
    },
    list: (organizationId) =>
      db.select().from(eventTypes).where(eq(eventTypes.organizationId, organizationId)).orderBy(asc(eventTypes.name)),
    async remove(organizationId, name) {
      const { rowCount } = await db.delete(eventTypes).where(named(organizationId, name))
      return rowCount === 1
    },
  }
}
