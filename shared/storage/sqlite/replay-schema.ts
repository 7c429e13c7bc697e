import { index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import type { Filter } from '../../contracts/filter.ts'
import type { Replay } from '../storage.ts'

export const replays = sqliteTable(
  'replays',
  {
    id: text('id').primaryKey(),
    organizationId: text('organization_id').notNull(),
    webhookId: text('webhook_id').notNull(),
    since: integer('since').notNull(),
    until: integer('until').notNull(),
    filter: text('filter', { mode: 'json' }).$type<Filter | null>(),
    state: text('state').$type<Replay['state']>().notNull(),
    reason: text('reason'),
    events: integer('events').notNull(),
    examined: integer('examined').notNull(),
    deliveries: integer('deliveries').notNull(),
    /** The last event that was looked at: the next piece begins behind it. */
    lastReceivedAt: integer('last_received_at'),
    lastEventId: text('last_event_id'),
    createdAt: integer('created_at').notNull(),
    updatedAt: integer('updated_at').notNull(),
  },
  (t) => [index('replays_organization').on(t.organizationId, t.createdAt)],
)
