import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { steady } from '../behaviours.ts'
import type { Client } from '../client.ts'
import { figuresOf, nothingLost } from '../goals.ts'
import { atLeast, atMost, none, type Goal, type Scenario, type Stage, type Verdict } from '../scenario.ts'
import { withWorld, type World } from '../world.ts'

const drainWithinMs = 120_000
const drainShortMs = 25_000
const ballastKey = 'ballast'
const chunkBytes = 262_144

const info = async ({ system }: World, section: string, member: string): Promise<number> => {
  const text = await system.redis.ask('INFO', section)
  return Number(new RegExp(`^${member}:(?:count=)?(\\d+)`, 'm').exec(text)?.[1] ?? 0)
}
const usedBytes = (world: World) => info(world, 'memory', 'used_memory')
const refusedCommands = (world: World) => info(world, 'errorstats', 'errorstat_OOM')
const refusals = ({ asked }: Client) => asked.filter(({ status }) => status === 429 || status === 503).length

/** Nobody takes work out, the client puts in: until ingest refuses, or Redis does. @returns the share of the memory that was in use at most */
async function fill(world: World, client: Client, limit: number, patienceMs: number): Promise<number> {
  const until = performance.now() + patienceMs
  let most = 0
  while (performance.now() < until && refusals(client) < 20 && (await refusedCommands(world)) === 0) {
    most = Math.max(most, await usedBytes(world))
    await pause(100)
  }
  return most / limit
}

/** Something else fills the rest, so that even a worker that fetches is refused. @returns the share of a core that the idle dispatcher takes, undefined where it cannot be told */
async function idleWhenFull(world: World, limit: number, ms: number): Promise<number | undefined> {
  const { redis } = world.system
  for (let n = 0; (await usedBytes(world)) < limit && n < 2_000; n++) {
    await redis.ask('SET', `${ballastKey}:${n}`, 'x'.repeat(chunkBytes))
  }
  // one command may still have been let through below the limit: a lower one leaves no room for any
  await redis.ask('CONFIG', 'SET', 'maxmemory', String(Math.floor((await usedBytes(world)) * 0.9)))
  const pid = world.processes.get('dispatcher-1')?.pid ?? 0
  const before = await cpuSeconds(pid)
  await pause(ms)
  const after = await cpuSeconds(pid)
  const names = Array.from({ length: 200 }, (_, n) => `${ballastKey}:${n}`)
  await redis.ask('DEL', ...names)
  await redis.ask('CONFIG', 'SET', 'maxmemory', String(limit))
  return before === undefined || after === undefined ? undefined : ((after - before) * 1_000) / ms
}

/** Time that a process has had of the processor, where the system tells. */
async function cpuSeconds(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ')
  return fields && (Number(fields[11]) + Number(fields[12])) / 100
}

async function run({ seconds, random, short, say }: Stage): Promise<Verdict> {
  const settings = { LOG_LEVEL: 'error' }
  return withWorld({ dispatchers: 1, settings, random, sinks: { steady: steady(random, 1, 10) } }, async (world) => {
    const { redis } = world.system
    const limit = (await usedBytes(world)) + (short ? 8 : 16) * 1_048_576
    await redis.ask('CONFIG', 'SET', 'maxmemory', String(limit))
    world.freeze('dispatcher-1')
    const client = world.publish({ perSecond: short ? 130 : 400, padding: 8_000, hold: () => false })
    const most = await fill(world, client, limit, short ? 12_000 : Math.max(40_000, seconds * 1_000))
    const [refused, refusedByRedis] = [refusals(client), await refusedCommands(world)]
    say(`${client.accepted()} accepted, ${refused} refused, Redis ${Math.round(most * 100)} % full`)
    await client.stop()
    world.thaw('dispatcher-1')
    const patienceMs = short ? drainShortMs : drainWithinMs
    const drainedMs = await world.settle(patienceMs)
    const busy = await idleWhenFull(world, limit, short ? 2_000 : 10_000)
    const last = world.publish({ perSecond: 20, name: 'last' })
    await pause(2_000)
    await last.stop()
    await world.settle(short ? 5_000 : 30_000)
    const found = await world.check(client, last)
    const cpu: Goal[] = busy === undefined ? [] : [atMost('of a core, for an idle dispatcher while Redis is full', busy * 100, 20, ' %')]
    return {
      goals: [
        ...nothingLost(found),
        atLeast('refused by ingest with 429 or 503', refused, 1),
        none('commands that Redis refused under load', refusedByRedis),
        atMost('drained, unaided', (drainedMs ?? Number.POSITIVE_INFINITY) / 1_000, patienceMs / 1_000, ' s'),
        ...cpu,
        atLeast('accepted afterwards', last.accepted(), 20),
        none('processes that ended by themselves', world.crashes().length),
      ],
      figures: { ...figuresOf(found), limitMb: Math.round(limit / 1_048_576), fullest: Math.round(most * 100) / 100, refused },
    }
  })
}

export const redisFull: Scenario = {
  name: 'R7',
  title: 'Redis full: maxmemory is reached under load',
  seconds: 60,
  shortSeconds: 12,

  run,
}
