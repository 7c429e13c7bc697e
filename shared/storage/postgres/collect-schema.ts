import { sql } from 'drizzle-orm'
import type { PartialDraft } from '../storage.ts'
import { bigint, boolean, index, integer, pgTable, primaryKey, uniqueIndex } from 'drizzle-orm/pg-core'
import { bytes, json, text } from './columns.ts'

/** Tables of what sources have beside events: partial events that wait to be completed, the entities they hold, the people they know. */
const organizationId = () => text('organization_id').notNull()
const source = () => text('source').notNull()
const time = (name: string) => bigint(name, { mode: 'number' })

/** Events that say only that something happened: looked up at their source, then accepted whole, or discarded. */
export const partials = pgTable(
  'partials',
  {
    id: text('id').primaryKey(),
    organizationId: organizationId(),
    source: source(),
    dedupKey: text('dedup_key'),
    bodyHash: text('body_hash').notNull(),
    /** What the source's adapter read in it. */
    draft: json<PartialDraft>('draft').notNull().default(sql`'{}'`),
    raw: bytes('raw').notNull(),
    headers: json<Record<string, string>>('headers').notNull(),
    receivedAt: time('received_at').notNull(),
    updatedAt: time('updated_at').notNull(),
    state: text('state').$type<'waiting' | 'accepted' | 'discarded' | 'failed'>().notNull(),
    attempts: integer('attempts').notNull().default(0),
    nextAttemptAt: time('next_attempt_at'),
    lastStatusCode: integer('last_status_code'),
    reason: text('reason'),
    /** The event that it became. */
    eventId: text('event_id'),
  },
  (t) => [
    uniqueIndex('partials_dedup').on(t.organizationId, t.source, t.dedupKey).where(sql`dedup_key is not null`),
    index('partials_waiting').on(t.nextAttemptAt, t.id).where(sql`state = 'waiting'`),
    index('partials_received').on(t.organizationId, t.receivedAt),
  ],
)

/** The collect view: of each entity the latest version. `seq` grows with every change and is the cursor. */
export const collected = pgTable(
  'collected',
  {
    organizationId: organizationId(),
    source: source(),
    entityId: text('entity_id').notNull(),
    seq: bigint('seq', { mode: 'number' }).notNull(),
    hash: text('hash').notNull(),
    deleted: boolean('deleted').notNull(),
    entity: text('entity').notNull(),
    updatedAt: time('updated_at').notNull(),
    /** The last full scan that had it. */
    scanId: text('scan_id'),
  },
  (t) => [
    primaryKey({ columns: [t.organizationId, t.source, t.entityId] }),
    uniqueIndex('collected_seq').on(t.organizationId, t.source, t.seq),
  ],
)

/** A scan that arrives in parts: which part is expected next, and what it has changed so far. */
export const scans = pgTable(
  'scans',
  {
    organizationId: organizationId(),
    source: source(),
    id: text('id').notNull(),
    isFull: boolean('is_full').notNull(),
    lastRequestId: text('last_request_id').notNull(),
    /** The view's cursor when it began: what has changed since by other ways is not for this scan to delete. */
    startSeq: bigint('start_seq', { mode: 'number' }).notNull().default(0),
    state: text('state').$type<'running' | 'finished' | 'broken'>().notNull(),
    created: integer('created').notNull().default(0),
    updated: integer('updated').notNull().default(0),
    deleted: integer('deleted').notNull().default(0),
    unchanged: integer('unchanged').notNull().default(0),
    startedAt: time('started_at').notNull(),
    updatedAt: time('updated_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.organizationId, t.source, t.id] })],
)

/** Users and teams, for webhooks that tell owners, followers or admins. */
export const directory = pgTable(
  'directory',
  {
    organizationId: organizationId(),
    kind: text('kind').$type<'user' | 'team'>().notNull(),
    name: text('name').notNull(),
    displayName: text('display_name'),
    email: text('email'),
    isAdmin: boolean('is_admin').notNull().default(false),
    /** A webhook of their own, where they want to be told. */
    webhookId: text('webhook_id'),
    /** Of a team: names of its users. */
    members: json<string[]>('members').notNull().default([]),
    /** The source that filled it in; null: a person did. */
    source: text('source'),
    updatedAt: time('updated_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.organizationId, t.kind, t.name] })],
)
