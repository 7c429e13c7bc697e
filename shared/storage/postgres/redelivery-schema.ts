import { bigint, index, integer, pgTable } from 'drizzle-orm/pg-core'
import type { Filter } from '../../contracts/filter.ts'
import type { Redelivery } from '../storage.ts'
import { json, text } from './columns.ts'

const time = (name: string) => bigint(name, { mode: 'number' })

export const redeliveries = pgTable(
  'redeliveries',
  {
    id: text('id').primaryKey(),
    organizationId: text('organization_id').notNull(),
    filter: json<Filter | null>('filter'),
    before: time('before').notNull(),
    state: text('state').$type<Redelivery['state']>().notNull(),
    matched: integer('matched').notNull(),
    redelivered: integer('redelivered').notNull(),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
  },
  (t) => [index('redeliveries_organization').on(t.organizationId, t.createdAt)],
)
