import type { PgTable } from 'drizzle-orm/pg-core'
import { getTableConfig } from 'drizzle-orm/pg-core'
import { collected, directory, partials, scans } from '../postgres/collect-schema.ts'
import { audit, refusals, sessions } from '../postgres/guard-schema.ts'
import { redeliveries } from '../postgres/redelivery-schema.ts'
import { replays } from '../postgres/replay-schema.ts'
import * as schema from '../postgres/schema.ts'

/** A row as it stands in a table, by the names of its columns. */
export type Row = Record<string, unknown>
export type Key = unknown[]

/**
 * Tables that grow for ever are carried in the order of a key, piece by piece. What was carried before may have changed
 * since: it is found by comparing the columns that change, and by rows that are gone.
 */
export type Log = { table: PgTable; order: string[]; compared: string[] | undefined }

export const logs: Log[] = [
  // only ever added to
  { table: audit, order: ['seq'], compared: undefined },
  { table: schema.events, order: ['id'], compared: ['fanned_out_at', 'matched'] },
  { table: schema.deliveries, order: ['id'], compared: ['updated_at', 'state', 'generation', 'attempts', 'next_attempt_at'] },
  // beside their deliveries, as an index has them in both dialects
  { table: schema.attempts, order: ['delivery_id', 'number', 'id'], compared: ['finished_at', 'outcome', 'next_attempt_at'] },
  { table: schema.idempotencyKeys, order: ['organization_id', 'key'], compared: ['body_hash'] },
  { table: collected, order: ['organization_id', 'source', 'entity_id'], compared: ['seq', 'scan_id'] },
]

/** Tables that people fill are small: each is carried whole, in one transaction, every time. */
export const wholes: PgTable[] = [
  schema.organizations,
  schema.apiKeys,
  schema.sources,
  schema.eventTypes,
  schema.webhooks,
  schema.openMetadataWebhooks,
  schema.openMetadataVersions,
  schema.subscriptions,
  directory,
  sessions,
  refusals,
  redeliveries,
  replays,
  partials,
  scans,
  schema.registry,
]

export const nameOf = (table: PgTable): string => getTableConfig(table).name

export function primaryKeyOf(table: PgTable): string[] {
  const { columns, primaryKeys } = getTableConfig(table)
  return (primaryKeys[0]?.columns ?? columns.filter(({ primary }) => primary)).map(({ name }) => name)
}

/** Members of the envelope that Postgres keeps in columns of their own. */
const derived = {
  events({ envelope }: Row): Row {
    const { subject = null, entity } = JSON.parse(envelope as string) as { subject?: string; entity?: Record<string, string> }
    return { subject, entity_type: entity?.type ?? null, entity_id: entity?.id ?? null, entity_name: entity?.name ?? null }
  },
} as Record<string, ((row: Row) => Row) | undefined>
const derivedColumns = new Set(['events.subject', 'events.entity_type', 'events.entity_id', 'events.entity_name'])

export const complete = (table: string, row: Row): Row => ({ ...row, ...derived[table]?.(row) })

/** What a table of the source must have to be carried. */
export const wantedOf = (table: PgTable): string[] =>
  getTableConfig(table)
    .columns.map(({ name }) => name)
    .filter((name) => !derivedColumns.has(`${nameOf(table)}.${name}`))
