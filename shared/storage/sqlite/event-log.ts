import { and, eq, sql } from 'drizzle-orm'
import { eventFields, type EventField } from '../../contracts/api/fields.ts'
import { checkQuery } from '../query.ts'
import type { EventStore } from '../storage.ts'
import type { Db } from './database.ts'
import { ofEvent } from './delivery-log.ts'
import { beyond, orderOf, pageOf, sortKeys, whereOf, type Columns } from './filter.ts'
import { events } from './schema.ts'
import type { Sync } from './stores.ts'

/** What the log of accepted events can be filtered and sorted by. */
export const eventColumns: Columns<EventField> = {
  id: events.id,
  type: events.type,
  source: events.source,
  received_at: events.receivedAt,
  fanned_out_at: events.fannedOutAt,
  matched: events.matched,
  subject: ofEvent('subject'),
  entity_type: ofEvent('entity.type'),
  entity_id: ofEvent('entity.id'),
  entity_name: ofEvent('entity.name'),
  payload: sql`cast(${events.raw} as text)`,
}

/** Without `raw`, which may be large. */
const row = { envelope: events.envelope, receivedAt: events.receivedAt, fannedOutAt: events.fannedOutAt, matched: events.matched }

export function reads(db: Db): Pick<Sync<EventStore>, 'filter'> {
  return {
    filter(organizationId, request) {
      const sort = request.sort?.length ? request.sort : [{ field: 'received_at', direction: 'desc' as const }]
      const query = checkQuery(eventFields, { ...request, sort })
      const found = db
        .select({ row, keys: sortKeys(eventColumns, query.sort) })
        .from(events)
        .where(
          and(
            eq(events.organizationId, organizationId),
            whereOf(eventColumns, query.filter),
            beyond(eventColumns, query.sort, query.after),
          ),
        )
        .orderBy(...orderOf(eventColumns, query.sort))
        .limit(query.limit + 1)
        .all()
      return pageOf(query, found)
    },
  }
}

export const writes = (): Record<never, never> => ({})
