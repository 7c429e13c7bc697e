import Database from 'better-sqlite3'
import { setTimeout as pause } from 'node:timers/promises'
import { steady } from '../behaviours.ts'
import type { Asked } from '../client.ts'
import { limitFiles, whyNoLimit } from '../disk.ts'
import { figuresOf, nothingLost, percentile } from '../goals.ts'
import { atLeast, atMost, holds, none, type Scenario, type Stage, type Verdict } from '../scenario.ts'
import { withWorld, type World } from '../world.ts'

/** Less than any page of a database that is in use. */
const noRoomBytes = 4_096
const recoverWithinMs = 30_000

/** For who writes: ingest its accept log, status the delivery log. */
async function limitAll({ processes }: World, bytes: number | 'unlimited'): Promise<void> {
  for (const [name, { pid }] of processes) if (!name.startsWith('dispatcher')) await limitFiles(pid, bytes)
}

function integrityOf(file: string): string {
  const db = new Database(file, { readonly: true })
  try {
    return String(db.pragma('integrity_check', { simple: true }))
  } finally {
    db.close()
  }
}

async function run({ seconds, random, short, say }: Stage): Promise<Verdict> {
  const skipped = await whyNoLimit()
  if (skipped) return { goals: [], figures: {}, skipped }
  const fullMs = short ? 4_000 : Math.max(8_000, (seconds * 1_000) / 2)
  const settings = { LOG_LEVEL: 'error' }
  return withWorld({ dispatchers: 1, settings, random, sinks: { steady: steady(random) } }, async (world) => {
    const client = world.publish({ perSecond: 40 })
    await pause(2_000)
    world.note('disk', 'full')
    await limitAll(world, noRoomBytes)
    const from = Date.now()
    await pause(fullMs)
    const to = Date.now()
    const acceptedBefore = client.accepted()
    await limitAll(world, 'unlimited')
    say(`full for ${fullMs / 1_000} s; ${client.asked.filter(({ at }) => at >= from).length} requests meanwhile`)
    while (client.accepted() === acceptedBefore && Date.now() - to < recoverWithinMs) await pause(10)
    const recoveredMs = Date.now() - to
    await pause(1_000)
    await client.stop()
    const drainedMs = await world.settle(short ? 15_000 : 60_000)
    const found = await world.check(client)
    const intact = integrityOf(world.system.database)

    // what was asked before the limit was in force, or is answered after it, is no matter of the full disk
    const meanwhile = client.asked.filter(({ at, ms }) => at > from + 100 && at + ms < to)
    const refused = meanwhile.filter(({ status }) => status === 503)
    const refusalP99Ms = percentile(
      refused.map(({ ms }) => ms),
      0.99,
    )
    return {
      goals: [
        ...nothingLost(found),
        none('requests made again', found.duplicated),
        atLeast('refused with 503 while full', refused.length, 1),
        holds('answers while full other than 503', 'none', countByStatus(meanwhile), refused.length === meanwhile.length),
        // four seconds on a machine that runs tests beside it are no measurement
        ...(short ? [] : [atMost('99 % of the refusals within', refusalP99Ms, 100, ' ms')]),
        atMost('accepts again after', recoveredMs / 1_000, recoverWithinMs / 1_000, ' s'),
        holds('integrity of the database', 'ok', intact, intact === 'ok'),
        none('processes that ended by themselves', world.crashes().length),
      ],
      figures: {
        ...figuresOf(found),
        fullMs,
        refusalP99Ms,
        recoveredMs,
        drainedMs: drainedMs === undefined ? null : Math.round(drainedMs),
      },
    }
  })
}

function countByStatus(asked: Asked[]): string {
  const counts: Record<number, number> = {}
  for (const { status } of asked) counts[status] = (counts[status] ?? 0) + 1
  return JSON.stringify(counts)
}

export const diskFull: Scenario = {
  name: 'R8',
  title: 'disk full: no file of ingest and status may grow',
  seconds: 30,
  shortSeconds: 4,
  run,
}
