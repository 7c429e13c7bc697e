import { bigint, index, integer, pgTable } from 'drizzle-orm/pg-core'
import type { Filter } from '../../contracts/filter.ts'
import type { Replay } from '../storage.ts'
import { json, text } from './columns.ts'

const time = (name: string) => bigint(name, { mode: 'number' })

export const replays = pgTable(
  'replays',
  {
    id: text('id').primaryKey(),
    organizationId: text('organization_id').notNull(),
    webhookId: text('webhook_id').notNull(),
    since: time('since').notNull(),
    until: time('until').notNull(),
    filter: json<Filter | null>('filter'),
    state: text('state').$type<Replay['state']>().notNull(),
    reason: text('reason'),
    events: integer('events').notNull(),
    examined: integer('examined').notNull(),
    deliveries: integer('deliveries').notNull(),
    /** The last event that was looked at: the next piece begins behind it. */
    lastReceivedAt: time('last_received_at'),
    lastEventId: text('last_event_id'),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
  },
  (t) => [index('replays_organization').on(t.organizationId, t.createdAt)],
)
