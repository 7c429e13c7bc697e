import { sql } from 'drizzle-orm'
import { all, inTransaction, type Db, type Executor } from './database.ts'

/**
 * The log in pieces of a week, each a partition of `events`, `deliveries` and `attempts` between the same bounds: ids begin
 * with the milliseconds at which the event came, so that an id alone leads to its partition, and one week of all three is
 * dropped in no time.
 */
export const week = 7 * 24 * 3_600_000
/** Weeks begin on Mondays; the first day of our time was a Thursday. */
const firstMonday = 4 * 24 * 3_600_000
const weekOf = (time: number) => Math.floor((time - firstMonday) / week)
const beginOf = (number: number) => number * week + firstMonday

/** Tables of the log, and what each is partitioned by. */
export const logTables = { events: 'id', deliveries: 'id', attempts: 'delivery_id' } as const
export type LogTable = keyof typeof logTables

export type Piece = { name: string; from: number; to: number }
export const pieceOf = (number: number): Piece => {
  const from = beginOf(number)
  return { name: new Date(from).toISOString().slice(0, 10).replaceAll('-', ''), from, to: from + week }
}

/** The least id of a time: the first 48 bits of a UUIDv7, as text. */
export const idAt = (time: number): string => {
  const hex = time.toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}`
}

/** Weeks that are made before they come: a leader may be away for a while. */
const weeksAhead = 3

/** Makes the partitions of these weeks, and of those that something had to go into the default one for. */
export async function makeAhead(db: Db, now: number): Promise<number> {
  const current = weekOf(now)
  const numbers = new Set(Array.from({ length: weeksAhead + 2 }, (_, i) => current - 1 + i))
  for (const time of await timesInDefault(db)) if (weekOf(time) <= current + weeksAhead) numbers.add(weekOf(time))
  return makeMissing(db, numbers)
}

/** Makes the partitions that these times fall into, before what comes with them. */
export const makeWeeks = (db: Db, times: number[]): Promise<number> => makeMissing(db, new Set(times.map(weekOf)))

async function makeMissing(db: Db, numbers: Set<number>): Promise<number> {
  const existing = new Set((await pieces(db)).map(({ name }) => name))
  let made = 0
  for (const piece of [...numbers].map(pieceOf)) {
    if (existing.has(piece.name)) continue
    await inTransaction(db, (tx) => make(tx, piece))
    made++
  }
  return made
}

/** Ids that are no times are nobody's: they stay where they are. */
const uuids = /^[0-9a-f]{8}-[0-9a-f]{4}-[78]/
/** Before the first of January 2020 there was nothing to log. */
const firstTime = Date.UTC(2020, 0, 1)

async function timesInDefault(db: Executor): Promise<number[]> {
  const found = new Set<number>()
  for (const [table, key] of Object.entries(logTables)) {
    const from = sql.raw(`from ${table}_default`)
    const rows = await all<{ prefix: string; whole: string }>(
      db,
      sql`select distinct on (prefix) left(${sql.raw(key)}, 10) as prefix, ${sql.raw(key)} as whole ${from} limit 1000`,
    )
    for (const { whole } of rows) {
      const time = Number.parseInt(whole.replace('-', '').slice(0, 12), 16)
      if (uuids.test(whole) && time >= firstTime) found.add(time)
    }
  }
  return [...found]
}

async function make(tx: Executor, piece: Piece): Promise<void> {
  await tx.execute(sql`set local lock_timeout = '3s'`)
  // two leaders for a moment: the second finds it made
  await tx.execute(sql`select pg_advisory_xact_lock(7426370112)`)
  const [known] = await all<{ name: string | null }>(tx, sql`select to_regclass(${`events_${piece.name}`})::text as name`)
  if (known?.name) return
  for (const [table, key] of Object.entries(logTables)) {
    const [parent, child, rest] = [sql.raw(table), sql.raw(`${table}_${piece.name}`), sql.raw(`${table}_default`)]
    const within = sql.raw(`${key} >= '${idAt(piece.from)}' and ${key} < '${idAt(piece.to)}'`)
    // made beside it and attached: the table itself is written to meanwhile
    await tx.execute(sql`create table ${child} (like ${parent} including all)`)
    await tx.execute(sql`with moved as (delete from ${rest} where ${within} returning *) insert into ${child} select * from moved`)
    const bounds = sql.raw(`from ('${idAt(piece.from)}') to ('${idAt(piece.to)}')`)
    await tx.execute(sql`alter table ${parent} attach partition ${child} for values ${bounds}`)
  }
}

/** Those that there are, oldest first. */
export async function pieces(db: Executor): Promise<Piece[]> {
  const rows = await all<{ name: string }>(
    db,
    sql`select right(c.relname, 8) as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = 'events'::regclass and c.relname ~ '^events_[0-9]{8}$' order by 1`,
  )
  return rows.map(({ name }) => pieceOf(weekOf(Date.parse(`${name.slice(0, 4)}-${name.slice(4, 6)}-${name.slice(6)}`))))
}
