import { sql, type SQL } from 'drizzle-orm'
import { getTableConfig, type PgColumn, type PgTable } from 'drizzle-orm/pg-core'
import { clean } from '../postgres/columns.ts'
import { all, type Executor } from '../postgres/database.ts'
import { storedKey } from '../postgres/events.ts'
import { eventKeys } from '../postgres/schema.ts'
import { complete, nameOf, primaryKeyOf, type Key, type Row } from './tables.ts'

const listOf = (names: string[]): SQL =>
  sql`(${sql.join(
    names.map((name) => sql.identifier(name)),
    sql`, `,
  )})`
const valuesOf = (key: Key): SQL =>
  sql`(${sql.join(
    key.map((value) => sql`${value}`),
    sql`, `,
  )})`

/** Of a column, what its values go over as, and how one of SQLite's becomes one. */
function carriageOf(column: PgColumn): { array: string; value(raw: unknown): unknown } {
  const type = column.getSQLType()
  const given = (change: (raw: never) => unknown) => (raw: unknown) => (raw === null || raw === undefined ? null : change(raw as never))
  if (type === 'boolean') return { array: 'boolean[]', value: given((raw: number) => raw === 1) }
  if (type === 'json') return { array: 'text[]', value: given((raw: string) => raw) }
  if (type === 'bytea') return { array: 'bytea[]', value: given((raw: Uint8Array) => Buffer.from(raw)) }
  if (type.startsWith('text')) return { array: 'text[]', value: given((raw: string) => clean(raw)) }
  return { array: `${type}[]`, value: given((raw: number) => raw) }
}

/** One statement: a list for each column. Rows that are there are made what they are now. */
export async function write(tx: Executor, table: PgTable, rows: Row[], { update = true } = {}): Promise<void> {
  if (rows.length === 0) return
  const whole = rows.map((row) => complete(nameOf(table), row))
  const columns = getTableConfig(table).columns.map((column) => ({ name: column.name, column, ...carriageOf(column) }))
  const lists = columns.map(({ name, array, value }) => sql`${sql.param(whole.map((row) => value(row[name])))}::${sql.raw(array)}`)
  const given = columns.map(({ name, column }) =>
    column.getSQLType() === 'json' ? sql`${sql.identifier(name)}::json` : sql`${sql.identifier(name)}`,
  )
  const key = primaryKeyOf(table)
  const changes = columns
    .filter(({ name }) => !key.includes(name))
    .map(({ name }) => sql`${sql.identifier(name)} = excluded.${sql.identifier(name)}`)
  const names = columns.map(({ name }) => name)
  await tx.execute(sql`
    insert into ${table} ${listOf(names)} select ${sql.join(given, sql`, `)} from unnest(${sql.join(lists, sql`, `)}) as r ${listOf(names)}
    on conflict ${listOf(key)} do ${update && changes.length > 0 ? sql`update set ${sql.join(changes, sql`, `)}` : sql`nothing`}`)
  if (nameOf(table) === 'events') await writeKeys(tx, rows)
}

/** What makes an event the same when it is sent again has a table of its own. */
async function writeKeys(tx: Executor, events: Row[]): Promise<void> {
  const keyed = events.filter(({ dedup_key: key }) => key !== null)
  if (keyed.length === 0) return
  const textsOf = (name: string) => sql`${sql.param(keyed.map((row) => clean(row[name] as string)))}::text[]`
  const keys = sql`${sql.param(keyed.map((row) => storedKey(row.dedup_key as string)))}::text[]`
  await tx.execute(sql`
    insert into ${eventKeys} (organization_id, source, dedup_key, event_id, body_hash)
    select * from unnest(${textsOf('organization_id')}, ${textsOf('source')}, ${keys}, ${textsOf('id')}, ${textsOf('body_hash')})
    on conflict do nothing`)
}

/** Rows by the key, after the one and up to the other. */
export const between = (
  tx: Executor,
  table: PgTable,
  columns: string[],
  order: string[],
  after: Key | undefined,
  to: Key,
): Promise<Row[]> =>
  all<Row>(
    tx,
    sql`select ${sql.join(
      columns.map((name) => sql.identifier(name)),
      sql`, `,
    )} from ${table}
      where ${after ? sql`${listOf(order)} > ${valuesOf(after)} and` : sql``} ${listOf(order)} <= ${valuesOf(to)}`,
  )

export async function remove(tx: Executor, table: PgTable, order: string[], keys: Key[]): Promise<void> {
  if (keys.length === 0) return
  const columns = order.map((name) => getTableConfig(table).columns.find((column) => column.name === name) as PgColumn)
  const lists = columns.map((column, i) => sql`${sql.param(keys.map((key) => key[i]))}::${sql.raw(carriageOf(column).array)}`)
  await tx.execute(sql`delete from ${table} where ${listOf(order)} in (select * from unnest(${sql.join(lists, sql`, `)}))`)
  if (nameOf(table) === 'events')
    await tx.execute(sql`delete from ${eventKeys} where event_id = any(${sql.param(keys.map(([id]) => id))}::text[])`)
}

export async function countOf(tx: Executor, table: string): Promise<number> {
  const [counted] = await all<{ rows: number }>(tx, sql`select count(*) as rows from ${sql.identifier(table)}`)
  return counted?.rows ?? 0
}
