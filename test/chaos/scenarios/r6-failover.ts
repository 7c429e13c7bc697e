import { setTimeout as pause } from 'node:timers/promises'
import { realRedis } from '../../support/redis.ts'
import { steady } from '../behaviours.ts'
import { figuresOf, nothingLost } from '../goals.ts'
import { atMost, none, type Scenario, type Stage, type Verdict } from '../scenario.ts'
import { successionOf } from '../succession.ts'
import { withWorld } from '../world.ts'

const concurrency = 10
const lagMs = 1_000

async function run({ seconds, random, ground, say }: Stage): Promise<Verdict> {
  const looked = await realRedis()
  if (!('program' in looked)) return { goals: [], figures: {}, skipped: `only a real Redis can be replicated: ${looked.reason}` }
  const { dispatchers = 2 } = ground
  const settings = { CONCURRENCY: String(concurrency), LOG_LEVEL: 'error', ...ground.settings }
  const sinks = { steady: steady(random), slow: steady(random, 100, 200) }
  const options = { ...ground, dispatchers, links: !ground.startRedis, settings, random, sinks }
  return withWorld(options, async (world) => {
    const client = world.publish({ perSecond: 50 })
    await pause(3_000)
    const flipped = world.sinks.underWay()
    world.note('redis', 'READONLY')
    const succession = successionOf(world)
    await succession.demote(Math.max(2_000, (seconds * 1_000) / 6))
    say('READONLY is over')
    const replica = await succession.startReplica(lagMs)
    try {
      await pause(Math.max(4_000, (seconds * 1_000) / 6))
      const since = await replica.behind()
      const promoted = world.sinks.underWay()
      const lately = world.sinks.answeredSince(since)
      world.note('redis', 'replica promoted')
      await replica.promote()
      say(`a replica that is ${lagMs / 1_000} s behind has taken over`)
      await pause(Math.max(4_000, (seconds * 1_000) / 6))
      await client.stop()
      const drainedMs = await world.settle(90_000)
      const found = await world.check(client)
      return {
        goals: [
          ...nothingLost(found),
          atMost(
            'extra requests: those in flight, and answered in the second that was lost',
            found.duplicated,
            flipped + promoted + lately,
          ),
          none('processes that ended by themselves', world.crashes().length),
        ],
        figures: { ...figuresOf(found), flipped, promoted, lately, drainedMs: drainedMs === undefined ? null : Math.round(drainedMs) },
      }
    } finally {
      await replica.stop()
    }
  })
}

export const failover: Scenario = {
  name: 'R6',
  title: 'failover: READONLY, and a replica that is a second behind',
  seconds: 40,
  anywhere: true,
  run,
}
