import { setTimeout as pause } from 'node:timers/promises'
import { steady } from '../behaviours.ts'
import { figuresOf, nothingLost } from '../goals.ts'
import { atMost, none, type Scenario, type Stage, type Verdict } from '../scenario.ts'
import { withWorld, type World } from '../world.ts'

type Ended = { name: string; seconds: number; code: number | null }

/** Asks each process in turn to end, and starts it again. */
async function restartAll(world: World, gapMs: number): Promise<Ended[]> {
  const ended: Ended[] = []
  for (const [name, process] of world.processes) {
    await pause(gapMs)
    const startedAt = performance.now()
    world.note(name, 'SIGTERM')
    const code = await process.stop()
    ended.push({ name, seconds: (performance.now() - startedAt) / 1_000, code })
    await process.start()
  }
  return ended
}

async function restartWithoutRedis(world: World, gapMs: number): Promise<Ended[]> {
  await pause(500)
  await world.system.redis.kill()
  const ended = await restartAll(world, gapMs)
  await world.system.redis.restart()
  return ended
}

async function run({ seconds, random, short, say }: Stage): Promise<Verdict> {
  const gapMs = short ? 300 : Math.min(5_000, (seconds * 1_000) / 8)
  const settings = { LOG_LEVEL: 'error' }
  return withWorld({ dispatchers: 2, settings, random, sinks: { steady: steady(random) } }, async (world) => {
    const client = world.publish({ perSecond: 60 })
    const withRedis = await restartAll(world, gapMs)
    await client.stop()
    await world.settle(60_000)
    const between = await world.check(client)
    say(`with Redis up: ${between.duplicated} requests made again, slowest end ${slowest(withRedis).toFixed(1)} s`)

    // with Redis away a start takes its time: the short form leaves that to another test, of the shutdown
    const second = world.publish({ perSecond: 30, name: 'without' })
    const withoutRedis = short ? [] : await restartWithoutRedis(world, gapMs)
    await second.stop()
    await world.settle(60_000)
    const found = await world.check(client, second)
    const all = [...withRedis, ...withoutRedis]
    return {
      goals: [
        ...nothingLost(found),
        none('requests made again, with Redis up', between.duplicated),
        atMost('slowest end, with Redis up', slowest(withRedis), 10, ' s'),
        ...(short ? [] : [atMost('slowest end, with Redis down', slowest(withoutRedis), 10, ' s')]),
        none('ended otherwise than with 0', all.filter(({ code }) => code !== 0).length),
      ],
      figures: { ...figuresOf(found), withRedis, withoutRedis },
    }
  })
}

const slowest = (ended: Ended[]) => Math.max(0, ...ended.map(({ seconds }) => seconds))

export const rollingRestart: Scenario = {
  name: 'R9',
  title: 'rolling restart: SIGTERM to each in turn, with and without Redis',
  seconds: 40,
  shortSeconds: 6,
  run,
}
