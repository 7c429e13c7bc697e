import * as audit from './audit.ts'
import * as collect from './collect.ts'
import type { Db } from './database.ts'
import * as deliveries from './deliveries.ts'
import * as directory from './directory.ts'
import * as eventLog from './event-log.ts'
import * as events from './events.ts'
import * as eventTypes from './event-types.ts'
import * as health from './health.ts'
import * as held from './held.ts'
import * as keys from './keys.ts'
import * as ledger from './ledger.ts'
import * as log from './delivery-log.ts'
import * as openMetadata from './openmetadata.ts'
import * as partials from './partials.ts'
import * as redeliveries from './redeliveries.ts'
import * as refusals from './refusals.ts'
import * as replays from './replays.ts'
import * as retention from './retention.ts'
import * as sealed from './sealed.ts'
import * as sessions from './sessions.ts'
import * as sources from './sources.ts'
import * as stats from './stats.ts'
import * as subscriptions from './subscriptions.ts'
import type { Storage } from '../storage.ts'
import * as webhooks from './webhooks.ts'

/**
 * Every file of this folder that holds a store exports `create(db)`: the store, or its part of one, asynchronous as the
 * port has it.
 *
 *     export function create(db: Db): KeyStore
 *
 * - `Db` is drizzle over the pool: each statement has a transaction of its own. Several that belong together run in
 *   `inTransaction(db, async (tx) => …)`, which does it again when Postgres says so (deadlock, serialization): nothing
 *   but SQL may happen in it. What works in both takes an `Executor`.
 * - Others write at the same moment, in this process and in others: what SQLite gets from its one writer takes
 *   `.for('update')`, `onConflictDoNothing()` or a condition in the statement here.
 * - What the driver gives of raw SQL: bigint, count and sum as numbers, json as text, bytea as Buffer.
 * - Long lists go in as one parameter: `rowsOf(list, 'id text, at bigint')`, or `sql`… = any(${sql.param(ids)})`.
 */
export function stores(db: Db): Omit<Storage, 'ping' | 'close'> {
  return {
    keys: keys.create(db),
    sessions: sessions.create(db),
    audit: audit.create(db),
    sources: sources.create(db),
    refusals: refusals.create(db),
    sealed: sealed.create(db),
    eventTypes: eventTypes.create(db),
    webhooks: webhooks.create(db),
    health: health.create(db),
    subscriptions: subscriptions.create(db),
    openMetadata: openMetadata.create(db),
    directory: directory.create(db),
    events: { ...events.create(db), ...eventLog.create(db) },
    partials: partials.create(db),
    collect: collect.create(db),
    deliveries: { ...deliveries.create(db), ...log.create(db), ...held.create(db) },
    redeliveries: redeliveries.create(db),
    replays: replays.create(db),
    stats: stats.create(db),
    ledger: ledger.create(db),
    retention: retention.create(db),
  }
}
