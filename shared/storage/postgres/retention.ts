import { sql, type SQL } from 'drizzle-orm'
import type { Pruned, RetentionStore } from '../retention.ts'
import { all, inTransaction, type Db, type Executor } from './database.ts'
import { idAt, logTables, makeAhead, pieces, type Piece } from './partitions.ts'

export function create(db: Db): RetentionStore {
  return {
    prepare: async (now) => void (await makeAhead(db, now)),
    async prune(before) {
      const pruned: Pruned = { events: 0, deliveries: 0, attempts: 0, more: false }
      for (const piece of await pieces(db)) {
        if (piece.to > before) break
        if (await isInUse(db, piece)) continue
        const counts = await countRows(db, piece)
        // in a transaction of its own, since it takes long; a week that somebody opens again meanwhile has only lost these
        await db.execute(sql`delete from event_keys where event_id >= ${idAt(piece.from)} and event_id < ${idAt(piece.to)}`)
        if (await inTransaction(db, (tx) => drop(tx, piece))) for (const name of tables) pruned[name] += counts[name]
      }
      await db.execute(sql`delete from idempotency_keys where created_at < ${before}`)
      return pruned
    },
  }
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
