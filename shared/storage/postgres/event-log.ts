import { and, eq } from 'drizzle-orm'
import { eventFields, type EventField } from '../../contracts/api/fields.ts'
import { checkQuery } from '../query.ts'
import type { EventStore } from '../storage.ts'
import type { Db } from './database.ts'
import { beyond, orderOf, pageOf, SearchedBytes, sortKeys, whereOf, type Columns } from './filter.ts'
import { events } from './schema.ts'

/** What the log of accepted events can be filtered and sorted by. */
export const eventColumns: Columns<EventField> = {
  id: events.id,
  type: events.type,
  source: events.source,
  received_at: events.receivedAt,
  fanned_out_at: events.fannedOutAt,
  matched: events.matched,
  subject: events.subject,
  entity_type: events.entityType,
  entity_id: events.entityId,
  entity_name: events.entityName,
  payload: new SearchedBytes(events.raw),
}

/** Without `raw`, which may be large. */
const row = { envelope: events.envelope, receivedAt: events.receivedAt, fannedOutAt: events.fannedOutAt, matched: events.matched }

export function create(db: Db): Pick<EventStore, 'filter'> {
  return {
    async filter(organizationId, request) {
      const sort = request.sort?.length ? request.sort : [{ field: 'received_at', direction: 'desc' as const }]
      const query = checkQuery(eventFields, { ...request, sort })
      const found = await db
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
      return pageOf(query, found)
    },
  }
}
