import { and, desc, eq } from 'drizzle-orm'
import type { Refusal, RefusalStore } from '../storage.ts'
import type { Db } from './database.ts'
import { refusals } from './guard-schema.ts'
import type { Sync } from './stores.ts'

const ofSource = ({ organizationId, source }: Pick<Refusal, 'organizationId' | 'source'>) =>
  and(eq(refusals.organizationId, organizationId), eq(refusals.source, source))

export function reads(db: Db): Pick<Sync<RefusalStore>, 'list'> {
  return {
    list: (organizationId, source, limit) =>
      db
        .select()
        .from(refusals)
        .where(ofSource({ organizationId, source }))
        .orderBy(desc(refusals.at), desc(refusals.id))
        .limit(limit)
        .all(),
  }
}

export function writes(db: Db): Pick<Sync<RefusalStore>, 'add'> {
  const trim = db.$client.prepare(`
    DELETE FROM refusals WHERE organization_id = @organizationId AND source = @source AND id NOT IN
      (SELECT id FROM refusals WHERE organization_id = @organizationId AND source = @source ORDER BY at DESC, id DESC LIMIT @keep)`)
  return {
    add(list, keep) {
      for (const refusal of list) db.insert(refusals).values(refusal).onConflictDoNothing().run()
      const sources = new Map(list.map(({ organizationId, source }) => [`${organizationId}/${source}`, { organizationId, source }]))
      for (const source of sources.values()) trim.run({ ...source, keep })
    },
  }
}
