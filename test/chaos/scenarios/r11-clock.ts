import { setTimeout as pause } from 'node:timers/promises'
import { figuresOf, nothingLost } from '../goals.ts'
import { readiness, sabotaged } from '../sabotage.ts'
import { atMost, none, type Scenario, type Stage, type Verdict } from '../scenario.ts'
import type { Behaviour, Post } from '../sinks.ts'
import { withWorld, type World } from '../world.ts'

const hourMs = 3_600_000
const retrySeconds = 4
const unhealthyWithinMs = 60_000

/** Two right ones; one an hour ahead and one an hour behind from the start; and one whose clock jumps meanwhile. */
const wrong: Record<string, Record<string, string>> = {
  'dispatcher-3': { PORT: '0', ...sabotaged({ skewMs: hourMs }) },
  'dispatcher-4': { PORT: '0', ...sabotaged({ skewMs: -hourMs }) },
  'dispatcher-5': { PORT: '0', ...sabotaged({ jumpMs: hourMs }) },
}

/** Takes a delivery at its second attempt. */
function atSecond(): Behaviour {
  const seen = new Set<string>()
  return (_path, id) => {
    const again = seen.has(id)
    seen.add(id)
    return { answer: again ? 200 : 503, afterMs: 10 }
  }
}

/** Times between the attempts of each event. */
function gaps(posts: Post[]): number[] {
  const before = new Map<string, number>()
  return posts.flatMap(({ id, at }) => {
    const last = before.get(id)
    before.set(id, at)
    return last === undefined ? [] : [at - last]
  })
}

async function unhealthyAfter(world: World, name: string): Promise<number> {
  const startedAt = performance.now()
  const url = world.processes.get(name)?.url ?? ''
  while (performance.now() - startedAt < unhealthyWithinMs * 1.5) {
    const found = await readiness(url)
    if (found && (found.states['clock'] ?? 'ok') !== 'ok') break
    await pause(50)
  }
  return performance.now() - startedAt
}

async function run({ seconds, random, say }: Stage): Promise<Verdict> {
  const webhook = { retry: { strategy: 'schedule', delays_seconds: Array.from({ length: 20 }, () => retrySeconds), jitter: 0 } }
  // without the breaker: each delivery fails at first, on purpose
  const settings = { LOG_LEVEL: 'fatal', BREAKER_FAILURES: '0' }
  const options = { dispatchers: 5, settings, settingsOf: (name: string) => wrong[name] ?? {}, webhook, random }
  return withWorld({ ...options, sinks: { second: atSecond() } }, async (world) => {
    const client = world.publish({ perSecond: 20 })
    const found = await Promise.all(['dispatcher-3', 'dispatcher-4'].map((name) => unhealthyAfter(world, name)))
    say(`unhealthy after ${found.map((ms) => `${Math.round(ms)} ms`).join(', ')}`)
    await pause(Math.max(10_000, seconds * 1_000))
    await client.stop()
    await world.settle(60_000)
    // at rest: what a process decides in the moment before it finds out is decided by a wrong clock
    world.note('dispatcher-5', 'clock jumps')
    process.kill(world.processes.get('dispatcher-5')?.pid ?? 0, 'SIGUSR2')
    found.push(await unhealthyAfter(world, 'dispatcher-5'))
    say(`unhealthy ${Math.round(found.at(-1) ?? 0)} ms after its clock jumped`)
    const findings = await world.check(client)
    const early = gaps(world.sinks.truth()).filter((ms) => ms < retrySeconds * 900)
    return {
      goals: [
        ...nothingLost(findings),
        atMost('all three unhealthy after', Math.max(...found) / 1_000, unhealthyWithinMs / 1_000, ' s'),
        none('retries before 90 % of their delay', early.length),
        none('processes that ended by themselves', world.crashes().length),
      ],
      figures: {
        ...figuresOf(findings),
        unhealthyAfterMs: found.map(Math.round),
        earliestMs: Math.min(...early, retrySeconds * 1_000),
      },
    }
  })
}

export const clock: Scenario = { name: 'R11', title: 'clocks of dispatchers that are an hour off, or jump', seconds: 30, run }
