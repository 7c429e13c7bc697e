import { and, desc, eq, sql } from 'drizzle-orm'
import type { RefusalStore } from '../storage.ts'
import { inTransaction, rowsOf, type Db } from './database.ts'
import { refusals } from './guard-schema.ts'

export function create(db: Db): RefusalStore {
  return {
    add: (list, keep) =>
      inTransaction(db, async (tx) => {
        if (list.length === 0) return
        await tx.insert(refusals).values(list).onConflictDoNothing()
        const known = new Map(list.map(({ organizationId, source }) => [`${organizationId}/${source}`, { organizationId, source }]))
        const sources = rowsOf([...known.values()], '"organizationId" text, source text')
        // in the order of ids, so that two that trim the same wait for one another and not in a circle
        await tx.execute(sql`
          delete from refusals where id in (
            select one.id from refusals one where one.id in (
              select old.id from ${sources} cross join lateral (
                select id from refusals where organization_id = r."organizationId" and source = r.source
                order by at desc, id desc offset ${keep}) old)
            order by one.id for update)`)
      }),
    list: (organizationId, source, limit) =>
      db
        .select()
        .from(refusals)
        .where(and(eq(refusals.organizationId, organizationId), eq(refusals.source, source)))
        .orderBy(desc(refusals.at), desc(refusals.id))
        .limit(limit),
  }
}
