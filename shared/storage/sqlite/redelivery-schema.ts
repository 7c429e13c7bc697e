import { index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import type { Filter } from '../../contracts/filter.ts'
import type { Redelivery } from '../storage.ts'

export const redeliveries = sqliteTable(
  'redeliveries',
  {
    id: text('id').primaryKey(),
    organizationId: text('organization_id').notNull(),
    filter: text('filter', { mode: 'json' }).$type<Filter | null>(),
    before: integer('before').notNull(),
    state: text('state').$type<Redelivery['state']>().notNull(),
    matched: integer('matched').notNull(),
    redelivered: integer('redelivered').notNull(),
    createdAt: integer('created_at').notNull(),
    updatedAt: integer('updated_at').notNull(),
  },
  (t) => [index('redeliveries_organization').on(t.organizationId, t.createdAt)],
)
