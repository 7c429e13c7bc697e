import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { PgTable } from 'drizzle-orm/pg-core'
import { openDatabase } from '../sqlite/database.ts'
import { TransferRefused } from './refused.ts'
import { logs, nameOf, wantedOf, wholes, type Key, type Row } from './tables.ts'

/** The SQLite file that is carried over; it is only read, and services may go on writing to it. */
export type Source = {
  /** Tells this file, and copies of it, from any other. */
  identity: string
  /** Changes when somebody else has written to it. */
  version(): number
  count(table: string, column?: string): number
  /** Ids of the log, the first of each week, for what must be there before its rows are. */
  nextIdOf(table: string, column: string, from: string): string | undefined
  /** Up to `rows` that follow, or fewer where they are large; none: there are no more. */
  page(table: string, columns: string[], order: string[], range: { after: Key | undefined; to?: Key | undefined }, rows: number): Row[]
  ofKeys(table: string, columns: string[], order: string[], keys: Key[]): Row[]
  close(): void
}

/** Enough for one piece, whatever its rows hold. */
const mostBytes = 8 * 1024 * 1024
const sizeOf = (row: Row) =>
  Object.values(row).reduce<number>(
    (sum, value) => sum + (typeof value === 'string' ? value.length : ArrayBuffer.isView(value) ? value.byteLength : 8),
    0,
  )

const list = (names: string[]) => names.map((name) => `"${name}"`).join(', ')

export function openSource(url: string): Source {
  const file = resolve(url.replace(/^(sqlite|libsql):(\/\/)?/, ''))
  if (!existsSync(file)) throw new TransferRefused(`there is no file ${file} to carry over`)
  const { $client: client } = openDatabase(file, { readOnly: true, driver: url.startsWith('libsql:') ? 'libsql' : 'better-sqlite3' })
  const rowsOf = (text: string, parameters: unknown[] = []) => client.prepare<unknown[], Row>(text).all(...parameters)
  try {
    for (const table of [...logs.map((log) => log.table), ...wholes]) checkColumns(table, rowsOf)
  } catch (error) {
    client.close()
    throw error
  }

  return {
    identity: JSON.stringify(rowsOf('SELECT hash, applied_at FROM migrations ORDER BY applied_at, hash LIMIT 1')),
    version: () => (client.pragma('data_version') as [{ data_version: number }])[0].data_version,
    count: (table, column) => Number(rowsOf(`SELECT count(${column ? `"${column}"` : '*'}) AS rows FROM "${table}"`)[0]?.rows),
    nextIdOf: (table, column, from) =>
      (rowsOf(`SELECT min("${column}") AS id FROM "${table}" WHERE "${column}" >= ?`, [from])[0]?.id as string | null) ?? undefined,
    page(table, columns, order, { after, to }, rows) {
      const bounds = [...(after ? ['>'] : []), ...(to ? ['<='] : [])].map(
        (sign) => `(${list(order)}) ${sign} (${order.map(() => '?').join(', ')})`,
      )
      const statement = client.prepare<unknown[], Row>(
        `SELECT ${list(columns)} FROM "${table}" ${bounds.length > 0 ? `WHERE ${bounds.join(' AND ')}` : ''} ORDER BY ${list(order)} LIMIT ${rows}`,
      )
      const page: Row[] = []
      let bytes = 0
      for (const row of statement.iterate(...(after ?? []), ...(to ?? []))) {
        page.push(row)
        bytes += sizeOf(row)
        if (bytes > mostBytes) break
      }
      return page
    },
    ofKeys(table, columns, order, keys) {
      const members = order.map((_, i) => `value ->> ${i}`).join(', ')
      const text = `SELECT ${list(columns)} FROM "${table}" WHERE (${list(order)}) IN (SELECT ${members} FROM json_each(?))`
      return rowsOf(text, [JSON.stringify(keys)])
    },
    close: () => void client.close(),
  }
}

function checkColumns(table: PgTable, rowsOf: (text: string) => Row[]): void {
  const there = new Set(rowsOf(`PRAGMA table_info("${nameOf(table)}")`).map(({ name }) => name))
  const missing = wantedOf(table).filter((name) => !there.has(name))
  if (missing.length > 0)
    throw new TransferRefused(
      `the file is of another version: its table ${nameOf(table)} has no ${missing.join(', ')}; run \`npm run migrate\` on it first`,
    )
}
