import { sql, type SQL } from 'drizzle-orm'
import type { Pruned, RetentionStore } from '../retention.ts'
import { all, inTransaction, type Db, type Executor } from './database.ts'
import { idAt, logTables, makeAhead, pieces, type Piece } from './partitions.ts'

export function create(db: Db): RetentionStore {
  return {
    prepare: async (now) => void (await makeAhead(db, now)),
    async prune(before) {
      const forgotten = await db.execute(sql`
        delete from idempotency_keys where ctid = any(array(select ctid from idempotency_keys where created_at < ${before} limit ${keysAtOnce}))`)
      const more = forgotten.rowCount === keysAtOnce
      const old = (await pieces(db)).filter(({ to }) => to <= before)
      for (const [i, piece] of old.entries()) {
        if (await isInUse(db, piece)) continue
        // a week that somebody opens again meanwhile has only lost these
        if (await forgetKeys(db, piece)) return { ...nothing, more: true }
        const counts = await countRows(db, piece)
        if (await inTransaction(db, (tx) => drop(tx, piece))) return { ...counts, more: more || i < old.length - 1 }
      }
      return { ...nothing, more }
    },
  }
}

const nothing: Pruned = { events: 0, deliveries: 0, attempts: 0, more: false }
/** Each call drops one week, or forgets so many keys: whoever calls has other things to do in between. */
const keysAtOnce = 20_000

/** Whether there are more. */
async function forgetKeys(db: Executor, { from, to }: Piece): Promise<boolean> {
  const { rowCount } = await db.execute(sql`
    delete from event_keys where ctid = any(array(
      select ctid from event_keys where event_id >= ${idAt(from)} and event_id < ${idAt(to)} limit ${keysAtOnce}))`)
  return rowCount === keysAtOnce
}

const tables = Object.keys(logTables) as (keyof typeof logTables)[]
const tableOf = (name: keyof typeof logTables, piece: Piece): SQL => sql`${sql.identifier(`${name}_${piece.name}`)}`

/** Whether an event of it still has a way to go. */
async function isInUse(db: Executor, piece: Piece): Promise<boolean> {
  const [found] = await all<{ used: boolean }>(
    db,
    sql`select exists (select from ${tableOf('deliveries', piece)} where state in ('pending', 'retrying'))
      or exists (select from ${tableOf('events', piece)} where fanned_out_at is null) as used`,
  )
  return found?.used ?? false
}

async function countRows(db: Executor, piece: Piece): Promise<Record<keyof typeof logTables, number>> {
  const counts = { events: 0, deliveries: 0, attempts: 0 }
  for (const name of tables) {
    const [counted] = await all<{ rows: number }>(db, sql`select count(*) as rows from ${tableOf(name, piece)}`)
    counts[name] = counted?.rows ?? 0
  }
  return counts
}

/** Not done where somebody has opened a delivery of it meanwhile. The whole log waits for this moment, and this not long for the log. */
async function drop(tx: Executor, piece: Piece): Promise<boolean> {
  await tx.execute(sql`set local lock_timeout = '1s'`)
  await tx.execute(sql`lock table only events, only deliveries, only attempts in access exclusive mode`)
  if (await isInUse(tx, piece)) return false
  for (const name of tables) await tx.execute(sql`drop table ${tableOf(name, piece)}`)
  return true
}
