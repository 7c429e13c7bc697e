import { setTimeout as pause } from 'node:timers/promises'
import { steady } from '../behaviours.ts'
import { figuresOf, nothingLost } from '../goals.ts'
import { readiness, sabotaged } from '../sabotage.ts'
import { atMost, holds, none, type Scenario, type Stage, type Verdict } from '../scenario.ts'
import { withWorld } from '../world.ts'

const concurrency = 10

/** @returns what `/readyz` said in this time, and how often it said nothing */
async function probe(url: string, ms: number) {
  const unready = new Set<string>()
  let silent = 0
  for (const until = performance.now() + ms; performance.now() < until; await pause(250)) {
    const found = await readiness(url)
    if (!found) silent++
    else if (!found.ready) unready.add(found.states['loop'] ?? '')
  }
  return { silent, unready: [...unready] }
}

async function run({ random, short, say }: Stage): Promise<Verdict> {
  const blockMs = short ? 7_000 : 20_000
  const settings = { CONCURRENCY: String(concurrency), LOG_LEVEL: 'fatal' }
  const settingsOf = (name: string) => (name === 'dispatcher-1' ? { PORT: '0', ...sabotaged({ blockMs }) } : {})
  return withWorld({ dispatchers: 2, settings, settingsOf, random, sinks: { slow: steady(random, 100, 200) } }, async (world) => {
    const client = world.publish({ perSecond: 60 })
    for (let n = 0; n < 1_000 && world.sinks.underWay() < concurrency / 2; n++) await pause(10)
    const blocked = world.processes.get('dispatcher-1')
    const inFlight = world.sinks.underWay()
    world.note('dispatcher-1', 'event loop blocked')
    process.kill(blocked?.pid ?? 0, 'SIGUSR2')
    say(`the event loop of a dispatcher stands still for ${blockMs / 1_000} s, with ${inFlight} requests under way`)
    const { silent, unready } = await probe(blocked?.url ?? '', blockMs + 5_000)
    await client.stop()
    await world.settle(60_000)
    const found = await world.check(client)
    const marked = unready.some((state) => state !== 'ok')
    return {
      goals: [
        ...nothingLost(found),
        atMost('extra requests, one for each in flight', found.duplicated, concurrency),
        holds('the process is marked unhealthy', '503, and why', unready.join(' · ') || 'no', marked),
        none('processes that ended by themselves', world.crashes().length),
      ],
      figures: { ...figuresOf(found), blockMs, inFlight, probesWithoutAnswer: silent },
    }
  })
}

export const eventLoop: Scenario = { name: 'R10', title: 'the event loop of a dispatcher stands still', seconds: 30, run }
