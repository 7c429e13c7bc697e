import { sql } from 'drizzle-orm'
import { blob, index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import type { AttemptTimings, DeliveryState, Outcome } from '../../contracts/delivery.ts'
import type { Envelope } from '../../contracts/event.ts'
import type { CollectSettings } from '../../contracts/lookup.ts'
import type { RetryPolicy } from '../../contracts/retry.ts'
import type { SubscriptionFilters } from '../../contracts/subscription.ts'
import type { OpenMetadataEntity, OpenMetadataSnapshot } from '../openmetadata.ts'
import type { Attempt, DeliveryCause, NamedSecret, Recipients, Scope, SealedLookup, WebhookSecret } from '../storage.ts'

/** Times are integer milliseconds, ids text UUIDs, structures JSON text. */
const id = () => text('id').primaryKey()
const organizationId = () => text('organization_id').notNull()
const time = (name: string) => integer(name)
const json = <T>(name: string) => text(name, { mode: 'json' }).$type<T>()
const flag = (name: string) => integer(name, { mode: 'boolean' })

export const organizations = sqliteTable('organizations', { id: id(), createdAt: time('created_at').notNull() })

export const apiKeys = sqliteTable('api_keys', {
  id: id(),
  organizationId: organizationId(),
  label: text('label').notNull(),
  hash: text('hash').notNull().unique(),
  scopes: json<Scope[]>('scopes').notNull(),
  createdAt: time('created_at').notNull(),
  expiresAt: time('expires_at'),
  lastUsedAt: time('last_used_at'),
  /** Requests a second; null: what the settings say. */
  rateLimit: integer('rate_limit'),
  /** While rotating: the key it had before, and until when that is taken too. */
  previousHash: text('previous_hash').unique(),
  previousExpiresAt: time('previous_expires_at'),
})

export const sources = sqliteTable(
  'sources',
  {
    id: id(),
    organizationId: organizationId(),
    name: text('name').notNull(),
    adapter: text('adapter').notNull(),
    scheme: text('scheme'),
    schemeParams: json<Record<string, unknown>>('scheme_params').notNull(),
    secrets: json<string[]>('secrets').notNull(),
    namedSecrets: json<NamedSecret[]>('named_secrets').notNull().default([]),
    settings: json<Record<string, unknown>>('settings').notNull(),
    lookup: json<SealedLookup>('lookup'),
    collect: json<CollectSettings>('collect'),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
  },
  (t) => [uniqueIndex('sources_name').on(t.organizationId, t.name)],
)

export const eventTypes = sqliteTable(
  'event_types',
  {
    organizationId: organizationId(),
    name: text('name').notNull(),
    description: text('description'),
    schema: json<unknown>('schema'),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.organizationId, t.name] })],
)

export const webhooks = sqliteTable(
  'webhooks',
  {
    id: id(),
    organizationId: organizationId(),
    url: text('url').notNull(),
    label: text('label'),
    active: flag('active').notNull(),
    scheme: text('scheme').notNull(),
    format: text('format').notNull(),
    secrets: json<WebhookSecret[]>('secrets').notNull(),
    headers: text('headers'),
    formatSettings: text('format_settings'),
    retry: json<RetryPolicy>('retry').notNull(),
    timeoutMs: integer('timeout_ms').notNull(),
    batchSize: integer('batch_size').notNull().default(1),
    order: text('order').$type<'entity' | 'webhook'>(),
    maxInFlight: integer('max_in_flight'),
    /** Requests a second. */
    rateLimit: integer('rate_limit'),
    /** Webhooks that get an event once this one has it, and the one that takes over when this one has failed. */
    triggers: json<string[]>('triggers').notNull().default([]),
    fallback: text('fallback'),
    /** Who else is told of an event: people of the directory. */
    recipients: json<Recipients[]>('recipients').notNull().default([]),
    disabledReason: text('disabled_reason'),
    lastSucceededAt: time('last_succeeded_at'),
    lastFailedAt: time('last_failed_at'),
    lastFailedStatusCode: integer('last_failed_status_code'),
    lastFailedReason: text('last_failed_reason'),
    lastFailedOutcome: text('last_failed_outcome').$type<Outcome>(),
    /** A delivery used up its retries, and nothing has succeeded since. */
    retriesExhausted: flag('retries_exhausted').notNull().default(false),
    nextAttemptAt: time('next_attempt_at'),
    consecutiveFailures: integer('consecutive_failures').notNull().default(0),
    /** First failure since the last success. */
    failingSince: time('failing_since'),
    /** How many warnings were given since then. */
    warnings: integer('warnings').notNull().default(0),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
    /** Kept after removal: the log still names the webhook. */
    removedAt: time('removed_at'),
  },
  (t) => [index('webhooks_organization').on(t.organizationId, t.id)],
)

/** What OpenMetadata's entity has beside the webhook itself. The revision counts its versions: 1 is 0.1. */
export const openMetadataWebhooks = sqliteTable(
  'openmetadata_webhooks',
  {
    webhookId: text('webhook_id').primaryKey(),
    organizationId: organizationId(),
    name: text('name').notNull(),
    entity: json<OpenMetadataEntity>('entity').notNull(),
    revision: integer('revision').notNull(),
    updatedAt: time('updated_at').notNull(),
    updatedBy: text('updated_by').notNull(),
  },
  (t) => [uniqueIndex('openmetadata_webhooks_name').on(t.organizationId, t.name)],
)

export const openMetadataVersions = sqliteTable(
  'openmetadata_webhook_versions',
  {
    webhookId: text('webhook_id').notNull(),
    revision: integer('revision').notNull(),
    shown: json<OpenMetadataSnapshot['shown']>('shown').notNull(),
  },
  (t) => [primaryKey({ columns: [t.webhookId, t.revision] })],
)

export const subscriptions = sqliteTable(
  'subscriptions',
  {
    id: id(),
    organizationId: organizationId(),
    webhookId: text('webhook_id').notNull(),
    eventType: text('event_type').notNull(),
    filters: json<SubscriptionFilters>('filters').notNull(),
    createdAt: time('created_at').notNull(),
    deletedAt: time('deleted_at'),
  },
  (t) => [index('subscriptions_webhook').on(t.webhookId), index('subscriptions_organization').on(t.organizationId)],
)

/** One row: grows with every change of the registry. */
export const registry = sqliteTable('registry', { id: integer('id').primaryKey(), version: integer('version').notNull() })

export const idempotencyKeys = sqliteTable(
  'idempotency_keys',
  {
    organizationId: organizationId(),
    key: text('key').notNull(),
    bodyHash: text('body_hash').notNull(),
    eventIds: json<string[]>('event_ids').notNull(),
    createdAt: time('created_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.organizationId, t.key] })],
)

/** The accept log. `data` is a byte range of `raw`, or its own text where it is no part of it. */
export const events = sqliteTable(
  'events',
  {
    id: id(),
    organizationId: organizationId(),
    source: text('source').notNull(),
    dedupKey: text('dedup_key'),
    bodyHash: text('body_hash').notNull(),
    type: text('type').notNull(),
    envelope: json<Envelope>('envelope').notNull(),
    headers: json<Record<string, string>>('headers').notNull(),
    raw: blob('raw', { mode: 'buffer' }).notNull(),
    dataStart: integer('data_start'),
    dataEnd: integer('data_end'),
    dataText: text('data_text'),
    receivedAt: time('received_at').notNull(),
    fannedOutAt: time('fanned_out_at'),
    matched: integer('matched'),
  },
  (t) => [
    uniqueIndex('events_dedup').on(t.organizationId, t.source, t.dedupKey).where(sql`dedup_key is not null`),
    index('events_not_fanned_out').on(t.receivedAt).where(sql`fanned_out_at is null`),
    index('events_received').on(t.organizationId, t.receivedAt, t.id, t.source),
  ],
)

export const deliveries = sqliteTable(
  'deliveries',
  {
    id: id(),
    organizationId: organizationId(),
    eventId: text('event_id').notNull(),
    webhookId: text('webhook_id').notNull(),
    eventType: text('event_type').notNull(),
    subscriptionIds: json<string[]>('subscription_ids').notNull(),
    state: text('state').$type<DeliveryState>().notNull(),
    generation: integer('generation').notNull(),
    attempts: integer('attempts').notNull(),
    step: integer('step').notNull(),
    acceptedAt: time('accepted_at').notNull(),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
    nextAttemptAt: time('next_attempt_at'),
    lastAttemptAt: time('last_attempt_at'),
    deliveredAt: time('delivered_at'),
    lastOutcome: text('last_outcome').$type<Outcome>(),
    lastStatusCode: integer('last_status_code'),
    lastError: text('last_error'),
    reason: text('reason'),
    /** Deliveries of one batch share one job and one request. */
    batchId: text('batch_id'),
    /** Deliveries of one lane are made one after the other, in the order of their events. */
    lane: text('lane'),
    /** Set where no subscription asked for it, but another webhook. */
    cause: json<DeliveryCause>('cause'),
  },
  (t) => [
    index('deliveries_batch').on(t.batchId).where(sql`batch_id is not null`),
    index('deliveries_created').on(t.organizationId, t.createdAt, t.id),
    index('deliveries_state').on(t.organizationId, t.state, t.createdAt, t.id),
    // without the state: each success would write a page of its webhook again
    index('deliveries_webhook').on(t.webhookId, t.createdAt, t.id, t.organizationId),
    // what one webhook did not get; narrower than the one above, or SQLite would take that
    index('deliveries_failed').on(t.webhookId, t.createdAt, t.id).where(sql`state in ('failed', 'cancelled')`),
    index('deliveries_event').on(t.eventId),
    index('deliveries_open').on(t.nextAttemptAt, t.id, t.webhookId).where(sql`state in ('pending', 'retrying')`),
    index('deliveries_held').on(t.webhookId, t.id).where(sql`state in ('pending', 'retrying') and next_attempt_at is null`),
  ],
)

export const attempts = sqliteTable(
  'attempts',
  {
    id: id(),
    deliveryId: text('delivery_id').notNull(),
    webhookId: text('webhook_id').notNull(),
    generation: integer('generation').notNull(),
    number: integer('number').notNull(),
    startedAt: time('started_at').notNull(),
    finishedAt: time('finished_at'),
    outcome: text('outcome').$type<Outcome>(),
    statusCode: integer('status_code'),
    error: text('error'),
    timings: json<AttemptTimings>('timings'),
    request: json<NonNullable<Attempt['request']>>('request'),
    responseHeaders: json<Record<string, string>>('response_headers'),
    responseBody: text('response_body'),
    responseTruncated: flag('response_truncated').notNull().default(false),
    nextAttemptAt: time('next_attempt_at'),
    decision: text('decision'),
  },
  (t) => [
    index('attempts_delivery').on(t.deliveryId, t.number),
    index('attempts_unfinished').on(t.startedAt).where(sql`outcome is null`),
    // all that the figures of the console look at, so that they never read a row
    index('attempts_webhook').on(t.webhookId, t.startedAt, t.outcome),
  ],
)
