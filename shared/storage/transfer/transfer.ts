import { sql } from 'drizzle-orm'
import type { PgTable } from 'drizzle-orm/pg-core'
import * as auditStore from '../postgres/audit.ts'
import { all, inTransaction, openDatabase, openPool, type Db } from '../postgres/database.ts'
import { withFaults } from '../postgres/faults.ts'
import { migrate } from '../postgres/migrate.ts'
import { idAt, makeWeeks, week } from '../postgres/partitions.ts'
import { eventKeys } from '../postgres/schema.ts'
import { openProgress, refuseForeign, type Progress } from './progress.ts'
import { TransferRefused } from './refused.ts'
import { openSource, type Source } from './source.ts'
import { logs, nameOf, primaryKeyOf, wantedOf, wholes, type Key, type Log, type Row } from './tables.ts'
import { between, countOf, remove, write } from './target.ts'

export type Step = { table: string; done: number; of: number }
export type Transferred = {
  tables: { table: string; carried: number; source: number; target: number }[]
  /** The chain of the audit log, as the target has it. */
  auditBrokenIn: string[]
  /** Whether services wrote to the source meanwhile. */
  wasWritten: boolean
  /** Nothing is left to carry. */
  isComplete: boolean
}

const rowsAtOnce = 1_000

/**
 * Carries a whole installation from SQLite to Postgres, table by table in pieces. Each piece and how far it goes are one
 * transaction: who runs it again goes on there, and brings what has changed meanwhile.
 */
export async function transfer({ from, to, tell }: { from: string; to: string; tell(step: Step): void }): Promise<Transferred> {
  if (!/^(sqlite|libsql):/.test(from)) throw new TransferRefused('--from must be a SQLite file, as in sqlite:./data/tidings.db')
  if (!/^postgres(ql)?:/.test(to)) throw new TransferRefused('--to must be a Postgres database, as in postgres://user@host/tidings')
  const source = openSource(from)
  const pool = openPool(to, { readOnly: false, connections: 2 })
  try {
    const guard = await pool.connect().catch((error: unknown) => {
      throw new TransferRefused(`the target cannot be reached: ${(error as Error).message || String((error as { code?: unknown }).code)}`)
    })
    try {
      const { rows } = await guard.query<{ free: boolean }>('SELECT pg_try_advisory_lock(7426370113) AS free')
      if (!rows[0]?.free) throw new TransferRefused('another transfer into this database is under way')
      const db = openDatabase(pool)
      return await withFaults(async () => {
        await refuseForeign(db)
        await migrate(db)
        return carryAll(source, db, tell)
      })
    } finally {
      // with it the lock ends
      guard.release(true)
    }
  } finally {
    await pool.end()
    source.close()
  }
}

async function carryAll(source: Source, db: Db, tell: (step: Step) => void): Promise<Transferred> {
  const progress = await openProgress(db, source.identity)
  const before = source.version()
  const carried = new Map<string, number>()
  const said = (table: PgTable) => {
    const name = nameOf(table)
    const of = source.count(name)
    return (rows: number) => {
      carried.set(name, (carried.get(name) ?? 0) + rows)
      tell({ table: name, done: carried.get(name) ?? 0, of })
    }
  }
  for (const table of wholes) await carryWhole(source, db, progress, table, said(table))
  await makeWeeks(db, weeksOf(source))
  for (const log of logs) await carryLog(source, db, progress, log, said(log.table))
  await db.execute(sql`select setval(pg_get_serial_sequence('audit', 'seq'), max(seq)) from audit having max(seq) > 0`)

  const counts = [...wholes, ...logs.map(({ table }) => table)].map(nameOf).map((table) => ({ table, source: source.count(table) }))
  const tables = []
  for (const { table, source: rows } of [...counts, { table: nameOf(eventKeys), source: source.count('events', 'dedup_key') }])
    tables.push({ table, carried: carried.get(table) ?? 0, source: rows, target: await countOf(db, table) })
  const wasWritten = source.version() !== before
  const auditBrokenIn = await brokenChains(db)
  return { tables, auditBrokenIn, wasWritten, isComplete: !wasWritten && tables.every((one) => one.source === one.target) }
}

async function carryWhole(source: Source, db: Db, progress: Progress, table: PgTable, said: (rows: number) => void): Promise<void> {
  const name = nameOf(table)
  const key = primaryKeyOf(table)
  let rows = 0
  await inTransaction(db, async (tx) => {
    rows = 0
    await tx.execute(sql`delete from ${table}`)
    for (let after: Key | undefined; ; ) {
      const page = source.page(name, wantedOf(table), key, { after }, rowsAtOnce)
      const last = page.at(-1)
      if (!last) return
      await write(tx, table, page)
      if (name === 'registry') await progress.move(tx, name, [last.version])
      rows += page.length
      after = key.map((column) => last[column])
    }
  })
  said(rows)
}

/** First what was carried before, as far as it has changed; then what has come since. */
async function carryLog(source: Source, db: Db, progress: Progress, log: Log, said: (rows: number) => void): Promise<void> {
  const name = nameOf(log.table)
  const columns = [...wantedOf(log.table), ...(name === 'events' ? ['dedup_key', 'body_hash'] : [])]
  const keyOf = (row: Row): Key => log.order.map((column) => row[column])
  const start = progress.position(name)
  if (start && log.compared) await carryChanges(source, db, { ...log, compared: log.compared, columns, name, to: start }, said)
  for (let after = start; ; ) {
    const page = source.page(name, columns, log.order, { after }, rowsAtOnce)
    const last = page.at(-1)
    if (!last) return
    const position = keyOf(last)
    await inTransaction(db, async (tx) => {
      await write(tx, log.table, page, { update: log.compared !== undefined })
      await progress.move(tx, name, position)
    })
    said(page.length)
    after = position
  }
}

type Compared = Log & { compared: string[]; columns: string[]; name: string; to: Key }
const rowsCompared = 5_000

async function carryChanges(source: Source, db: Db, { table, order, compared, columns, name, to }: Compared, said: (rows: number) => void) {
  const looked = [...new Set([...order, ...compared])]
  const textOf = (row: Row, names: string[]) => JSON.stringify(names.map((column) => row[column]))
  const keyOf = (row: Row): Key => order.map((column) => row[column])
  for (let after: Key | undefined; ; ) {
    const page = source.page(name, looked, order, { after, to }, rowsCompared)
    const last = page.at(-1)
    const end = last ? keyOf(last) : to
    const there = new Map((await between(db, table, looked, order, after, end)).map((row) => [textOf(row, order), row]))
    const changed = page.filter((row) => {
      const twin = there.get(textOf(row, order))
      there.delete(textOf(row, order))
      return !twin || textOf(twin, compared) !== textOf(row, compared)
    })
    await inTransaction(db, (tx) => remove(tx, table, order, [...there.values()].map(keyOf)))
    for (let i = 0; i < changed.length; i += 100) {
      const rows = source.ofKeys(name, columns, order, changed.slice(i, i + 100).map(keyOf))
      await inTransaction(db, (tx) => write(tx, table, rows))
      said(rows.length)
    }
    if (!last) return
    after = end
  }
}

/** A time in each week that has events, so that their partitions are there before them. */
function weeksOf(source: Source): number[] {
  const times: number[] = []
  for (let id = source.nextIdOf('events', 'id', idAt(0)); id !== undefined; ) {
    const time = Number.parseInt(id.replace('-', '').slice(0, 12), 16)
    // what does not begin with a time goes where everything goes that has no week
    if (!(time < Date.now() + week)) break
    times.push(time)
    id = source.nextIdOf('events', 'id', idAt(time + week))
  }
  return times
}

async function brokenChains(db: Db): Promise<string[]> {
  const { verify } = auditStore.create(db)
  const organizations = await all<{ id: string }>(db, sql`select distinct organization_id as id from audit order by 1`)
  const broken: string[] = []
  for (const { id } of organizations) {
    let check = { seq: 0, hash: '', rows: 0, brokenAt: null as number | null, done: false }
    while (!check.done) check = await verify(id, check, rowsAtOnce)
    if (check.brokenAt !== null) broken.push(id)
  }
  return broken
}
