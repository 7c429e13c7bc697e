import { bigint, index, integer, pgTable } from 'drizzle-orm/pg-core'
import { json, text } from './columns.ts'

/** Tables of who came in, who was refused, and who changed what. */
const organizationId = () => text('organization_id').notNull()
const time = (name: string) => bigint(name, { mode: 'number' })

/** Append-only; each row's hash covers the one before it, so that nothing can be taken out unseen. */
export const audit = pgTable(
  'audit',
  {
    seq: bigint('seq', { mode: 'number' }).primaryKey().generatedByDefaultAsIdentity(),
    organizationId: organizationId(),
    at: time('at').notNull(),
    /** Id of the API key, or `system`. */
    actor: text('actor').notNull(),
    actorLabel: text('actor_label'),
    action: text('action').notNull(),
    targetType: text('target_type').notNull(),
    targetId: text('target_id'),
    /** What it looked like before and after, without secrets. */
    before: json<unknown>('before'),
    after: json<unknown>('after'),
    requestId: text('request_id'),
    previousHash: text('previous_hash').notNull(),
    hash: text('hash').notNull(),
  },
  (t) => [index('audit_organization').on(t.organizationId, t.seq)],
)

/** Sign-ins of the console, and the links that open one; the id is a hash. */
export const sessions = pgTable('sessions', {
  id: text('id').primaryKey(),
  kind: text('kind').$type<'link' | 'session'>().notNull(),
  keyId: text('key_id').notNull(),
  organizationId: organizationId(),
  createdAt: time('created_at').notNull(),
  expiresAt: time('expires_at').notNull(),
})

/** Requests of sources that were refused: the last ones of each, with the reason and never with the secret. */
export const refusals = pgTable(
  'refusals',
  {
    id: text('id').primaryKey(),
    organizationId: organizationId(),
    source: text('source').notNull(),
    at: time('at').notNull(),
    status: integer('status').notNull(),
    reason: text('reason').notNull(),
    bytes: integer('bytes').notNull(),
  },
  (t) => [index('refusals_source').on(t.organizationId, t.source, t.at)],
)
