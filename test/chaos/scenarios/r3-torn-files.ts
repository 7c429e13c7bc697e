import Database from 'better-sqlite3'
import { cp, mkdir, mkdtemp, readdir, rm, stat, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Random } from '../../../infra/demo/random.ts'
import { ask } from '../../../infra/redis/ask.ts'
import { startServer, type RedisProgram } from '../../../infra/redis/server.ts'
import { realRedis } from '../../support/redis.ts'
import { eager, moody, steady } from '../behaviours.ts'
import { figuresOf, nothingLost } from '../goals.ts'
import { atMost, holds, none, type Scenario, type Stage, type Verdict } from '../scenario.ts'
import { withWorld, type World } from '../world.ts'

const wholeTears = 200
/** What was on its way to the disk when the power went. */
const mostTornBytes = 64 * 1_024

async function tear(file: string, random: Random): Promise<void> {
  const { size } = await stat(file)
  await truncate(file, Math.max(0, size - random.between(1, Math.min(size, mostTornBytes))))
}

/** The file that is written to: the last one of the folder of append-only files. */
async function appendOnlyFile(folder: string): Promise<string> {
  const files = (await readdir(join(folder, 'appendonlydir'))).filter((name) => name.endsWith('.incr.aof')).sort()
  return join(folder, 'appendonlydir', files.at(-1) ?? '')
}

/** @returns how many torn copies a Redis started with */
async function startTorn(program: RedisProgram, from: string, times: number, random: Random, folder: string): Promise<number> {
  let started = 0
  for (let n = 0; n < times; n++) {
    const place = { folder: join(folder, `redis-${n}`), socket: join(folder, `redis-${n}.sock`) }
    await cp(from, place.folder, { recursive: true })
    await tear(await appendOnlyFile(place.folder), random)
    const server = await startServer(program, place).catch(() => undefined)
    if (server) started += Number((await ask(place.socket, ['PING'])) === 'PONG')
    await server?.kill()
    await rm(place.folder, { recursive: true, force: true })
  }
  return started
}

/** Opens torn copies of the database: whole, and holding what was committed first, without a gap. */
async function openTorn(from: string, times: number, random: Random, folder: string) {
  const copy = join(folder, 'torn.db')
  // a database that is opened and closed takes its log in: only copies are
  const copyBoth = async () => {
    await cp(from, copy)
    await cp(`${from}-wal`, `${copy}-wal`)
  }
  await copyBoth()
  const all = idsOf(copy)
  const found = { intact: 0, prefixes: 0 }
  for (let n = 0; n < times; n++) {
    await copyBoth()
    await tear(`${copy}-wal`, random)
    const ids = idsOf(copy, (ok) => (found.intact += Number(ok)))
    found.prefixes += Number(ids.every((id, i) => id === all[i]))
    for (const file of [copy, `${copy}-wal`, `${copy}-shm`]) await rm(file, { force: true })
  }
  return found
}

function idsOf(file: string, check: (ok: boolean) => void = () => {}): string[] {
  const db = new Database(file)
  check(db.pragma('integrity_check', { simple: true }) === 'ok')
  const ids = db.prepare<[], { id: string }>('SELECT id FROM events ORDER BY rowid').all()
  db.close()
  return ids.map(({ id }) => id)
}

/** The server dies, the end of its file is lost, and it is started again. */
async function tearLive({ system: { redis } }: World, random: Random): Promise<void> {
  await redis.kill()
  await tear(await appendOnlyFile(redis.folder), random)
  await redis.restart()
}

async function run({ seconds, short, random, say }: Stage): Promise<Verdict> {
  const looked = await realRedis()
  if (!('program' in looked)) return { goals: [], figures: {}, skipped: `no Redis here writes files: ${looked.reason}` }
  const times = short ? 10 : Math.max(20, Math.min(wholeTears, Math.round((wholeTears * seconds) / 60)))
  const folder = await mkdtemp(join(tmpdir(), 'tidings-torn-'))
  const sinks = { steady: steady(random), moody: moody(random) }
  const options = { dispatchers: 2, settings: { LOG_LEVEL: 'error' }, random, sinks, webhook: { retry: eager } }
  try {
    return await withWorld(options, async (world) => {
      const client = world.publish({ perSecond: 60 })
      await pause(4_000)
      const { database, redis } = world.system
      // as a power cut finds them: copied while they are written to, the log before the files that follow it
      const copies = { redis: join(folder, 'redis'), database: join(folder, 'tidings.db') }
      await mkdir(copies.redis)
      await cp(redis.folder, copies.redis, { recursive: true })
      await world.processes.get('ingest-1')?.stop()
      for (const end of ['', '-wal']) await cp(`${database}${end}`, `${copies.database}${end}`)
      await world.processes.get('ingest-1')?.start()
      const underWay: number[] = []
      for (let n = 0; n < 3; n++) {
        await pause(random.between(500, 1_500))
        underWay.push(world.sinks.underWay() + world.sinks.answeredSince(Date.now() - 2_000))
        world.note('redis', 'file torn')
        await tearLive(world, random)
      }
      await client.stop()
      await world.settle(60_000)
      const found = await world.check(client)
      say(`the live ones are done; ${times} torn copies of each file`)
      const started = await startTorn(looked.program, copies.redis, times, random, folder)
      const opened = await openTorn(copies.database, times, random, folder)
      const all = (goal: string, count: number) => holds(goal, `${times} of ${times}`, `${count} of ${times}`, count === times)
      return {
        goals: [
          all('Redis starts with a torn file', started),
          all('the database is whole with a torn log', opened.intact),
          all('it holds what was committed first, without a gap', opened.prefixes),
          ...nothingLost(found),
          atMost(
            'extra requests: in flight, and answered in the last 2 s',
            found.duplicated,
            underWay.reduce((sum, one) => sum + one, 0),
          ),
          none('processes that ended by themselves', world.crashes().length),
        ],
        figures: { ...figuresOf(found), times, tornLive: 3 },
      }
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

export const tornFiles: Scenario = {
  name: 'R3',
  title: 'torn files: the ends of the append-only file and of the WAL are lost',
  seconds: 60,
  run,
}
