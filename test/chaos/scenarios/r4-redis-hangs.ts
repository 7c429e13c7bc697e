import { setTimeout as pause } from 'node:timers/promises'
import { steady } from '../behaviours.ts'
import { figuresOf, nothingLost, percentile } from '../goals.ts'
import { atLeast, atMost, none, type Scenario, type Stage, type Verdict } from '../scenario.ts'
import { withWorld, type World } from '../world.ts'

type Hang = { from: number; to: number; resumedMs: number }

/** @returns how long after its end the first request was made again */
async function hang(world: World, ms: number): Promise<Hang> {
  const from = Date.now()
  world.freeze('redis')
  await pause(ms).finally(() => world.thaw('redis'))
  const to = Date.now()
  const before = world.sinks.count()
  while (world.sinks.count() === before && Date.now() - to < 30_000) await pause(5)
  return { from, to, resumedMs: Date.now() - to }
}

async function run({ seconds, random, short, say }: Stage): Promise<Verdict> {
  const times = short ? 1 : 5
  const hangMs = short ? 3_000 : (seconds * 1_000) / (times + 1)
  const settings = { LOG_LEVEL: 'error' }
  return withWorld({ dispatchers: 2, settings, random, sinks: { steady: steady(random) } }, async (world) => {
    const client = world.publish({ perSecond: 60 })
    const hangs: Hang[] = []
    for (let n = 0; n < times; n++) {
      await pause(random.between(1_000, 2_000))
      const one = await hang(world, hangMs)
      hangs.push(one)
      say(`hung for ${(hangMs / 1_000).toFixed(1)} s, first request ${one.resumedMs} ms after`)
    }
    await client.stop()
    await world.settle(60_000)
    const found = await world.check(client)
    const meanwhile = client.asked.filter(({ at }) => hangs.some(({ from, to }) => at >= from && at < to))
    const taken = meanwhile.filter(({ status }) => status >= 200 && status < 300).length / Math.max(1, meanwhile.length)
    const answerMs = client.asked.map(({ ms }) => ms)
    return {
      goals: [
        ...nothingLost(found),
        atMost('slowest answer of ingest', Math.max(...answerMs) / 1_000, 2, ' s'),
        atLeast('accepted while Redis hung', taken * 100, 100, ' %'),
        atMost('first request after Redis went on', Math.max(...hangs.map(({ resumedMs }) => resumedMs)) / 1_000, 5, ' s'),
        none('processes that ended by themselves', world.crashes().length),
      ],
      figures: {
        ...figuresOf(found),
        hangs: times,
        hangMs,
        askedMeanwhile: meanwhile.length,
        acceptP99Ms: Math.round(percentile(answerMs, 0.99)),
      },
    }
  })
}

export const redisHangs: Scenario = { name: 'R4', title: 'Redis hangs (SIGSTOP) five times', seconds: 180, shortSeconds: 6, run }
