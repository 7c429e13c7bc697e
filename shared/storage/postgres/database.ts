import { sql, type SQL } from 'drizzle-orm'
import { drizzle, type NodePgDatabase, type NodePgQueryResultHKT } from 'drizzle-orm/node-postgres'
import type { PgDatabase } from 'drizzle-orm/pg-core'
import pg from 'pg'
import { clean } from './columns.ts'

export type Db = NodePgDatabase & { $client: pg.Pool }
/** The pool, or one transaction: what a statement may run in. */
export type Executor = PgDatabase<NodePgQueryResultHKT>

// Milliseconds and counts fit a number; structures are read where it is known what they are.
pg.types.setTypeParser(pg.types.builtins.INT8, Number)
pg.types.setTypeParser(pg.types.builtins.NUMERIC, Number)
pg.types.setTypeParser(pg.types.builtins.JSON, (text) => text)

/**
 * Connections are made as they are needed. A server or role that does not wait for its disk is told to: a 202 would
 * not survive a power cut. One that waits for standbys too is left as it is.
 */
export function openPool(url: string, { readOnly, connections }: { readOnly: boolean; connections: number }): pg.Pool {
  const set = readOnly
    ? 'SET default_transaction_read_only = on'
    : "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
  // said before anybody gets the connection, which is none where that fails
  const onConnect = (client: pg.ClientBase) => client.query(set)
  const pool = new pg.Pool({
    connectionString: url,
    max: connections,
    application_name: 'tidings',
    keepAlive: true,
    connectionTimeoutMillis: 10_000,
    onConnect,
  })
  // An idle connection that breaks is replaced by the pool; whoever asks next hears if none can be made.
  pool.on('error', () => {})
  return pool
}

export const openDatabase = (pool: pg.Pool): Db => drizzle(pool)

/** Serialization failure, deadlock, and a lock that was not to be had in time: the same again may well succeed. */
const passing = new Set(['40001', '40P01', '55P03'])
/** A key that somebody else put there after it was looked for: who looks again finds it. */
const lookedFor = new Set(['event_keys', 'idempotency_keys'])
const tries = 5

/** Several statements as one, done again a few times when they stood in the way of others. */
export async function inTransaction<T>(db: Db, work: (tx: Executor) => Promise<T>): Promise<T> {
  return again(() => db.transaction(work))
}

/** Reads that belong together see the database as it was when the first of them began. */
export const atOneMoment = <T>(db: Db, work: (tx: Executor) => Promise<T>): Promise<T> =>
  db.transaction(work, { isolationLevel: 'repeatable read', accessMode: 'read only' })

export async function again<T>(work: () => Promise<T>): Promise<T> {
  for (let count = 1; ; count++) {
    try {
      return await work()
    } catch (error) {
      if (count === tries || !mayPass(error)) throw error
    }
  }
}

function mayPass(error: unknown): boolean {
  const { code, table } = ((error as Error).cause ?? error) as { code?: string; table?: string }
  return passing.has(code ?? '') || (code === '23505' && lookedFor.has(table ?? ''))
}

/**
 * A list of flat objects as a table to select from, in one parameter: `columns` as in `id text, at bigint`, by the names
 * of their members. Structures go in as their JSON text, and are cast where they are used.
 */
export function rowsOf(list: Record<string, string | number | boolean | null>[], columns: string): SQL {
  let text = JSON.stringify(list)
  if (/\\u(0000|d[89a-f])/.test(text)) text = JSON.stringify(list.map(cleaned))
  return sql`json_to_recordset(${text}::json) as ${sql.raw(`r (${columns})`)}`
}

const cleaned = (row: object) =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, typeof value === 'string' ? clean(value) : value]))

/** Rows of a raw statement, by the names that it gives its columns. */
export async function all<T>(db: Executor, statement: SQL): Promise<T[]> {
  return (await db.execute(statement)).rows as T[]
}
