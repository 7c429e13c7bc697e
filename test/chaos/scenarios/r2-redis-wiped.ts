import { setTimeout as pause } from 'node:timers/promises'
import { eager, moody, steady } from '../behaviours.ts'
import { figuresOf, nothingLost } from '../goals.ts'
import { atMost, none, type Scenario, type Stage, type Verdict } from '../scenario.ts'
import { withWorld, type World } from '../world.ts'

const concurrency = 10
const recoverWithinMs = 60_000

type Wipe = { how: string; inFlight: number; lately: number; recoveredMs: number | undefined }

/** Everything is gone from one moment to the next, the dispatchers go on. */
const flush = (world: World) => world.system.redis.flush()

/** The server dies and its files with it; of a cluster, a master and its replica. */
const deleteFiles = (world: World) => world.system.redis.loseFiles()

async function wipe(world: World, how: string, strike: (world: World) => Promise<unknown>): Promise<Wipe> {
  const at = Date.now()
  const [inFlight, lately] = [world.sinks.underWay(), world.sinks.answeredSince(at - 2_000)]
  world.note('redis', how)
  await strike(world)
  const startedAt = performance.now()
  while ((await world.log.open(at)) > 0 && performance.now() - startedAt < recoverWithinMs) await pause(100)
  const recoveredMs = (await world.log.open(at)) > 0 ? undefined : performance.now() - startedAt
  return { how, inFlight, lately, recoveredMs }
}

async function run({ seconds, random, short, ground, say }: Stage): Promise<Verdict> {
  const { dispatchers = 2 } = ground
  const times = short ? 1 : 3
  const strikes = [
    ...Array.from({ length: times }, () => ['FLUSHALL', flush] as const),
    ...Array.from({ length: times }, () => ['files deleted', deleteFiles] as const),
  ]
  const settings = { CONCURRENCY: String(concurrency), LOG_LEVEL: 'error', ...ground.settings }
  // half of what the dispatchers can do: requests are under way and retries are due whenever it strikes
  const sinks = { steady: steady(random), slow: steady(random, 100, 200), moody: moody(random) }
  const webhook = { retry: eager, max_in_flight: dispatchers * concurrency }
  // a recovery is not to be mistaken for the working off of a backlog, where a machine is slow
  return withWorld({ ...ground, dispatchers, settings, random, sinks, webhook, mostBehind: 150 }, async (world) => {
    const client = world.publish({ perSecond: short ? 20 : 40 })
    const gapMs = (seconds * 1_000) / strikes.length
    const wipes: Wipe[] = []
    for (const [how, strike] of strikes) {
      await pause(random.between(gapMs / 4, gapMs))
      const wiped = await wipe(world, how, strike)
      wipes.push(wiped)
      say(`${how}: recovered ${wiped.recoveredMs === undefined ? 'not in time' : `after ${(wiped.recoveredMs / 1_000).toFixed(1)} s`}`)
    }
    await client.stop()
    await world.settle(recoverWithinMs)
    const found = await world.check(client)
    const slowest = Math.max(...wipes.map(({ recoveredMs }) => recoveredMs ?? Number.POSITIVE_INFINITY))
    const bound = wipes.reduce((sum, { inFlight, lately }) => sum + inFlight + lately, 0)
    return {
      goals: [
        ...nothingLost(found),
        atMost('extra requests: those in flight, and answered in the last 2 s', found.duplicated, bound),
        atMost('slowest recovery', slowest / 1_000, recoverWithinMs / 1_000, ' s'),
        none('processes that ended by themselves', world.crashes().length),
      ],
      figures: { ...figuresOf(found), wipes },
    }
  })
}

export const redisWiped: Scenario = {
  name: 'R2',
  title: 'Redis wiped: FLUSHALL, and its files deleted, under load',
  seconds: 90,
  shortSeconds: 6,
  anywhere: true,
  run,
}
