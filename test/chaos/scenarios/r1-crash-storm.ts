import { setTimeout as pause } from 'node:timers/promises'
import { eager, moody, steady } from '../behaviours.ts'
import { availability, countStrikes, figuresOf, nothingLost, percent, percentile } from '../goals.ts'
import { atLeast, atMost, none, type Scenario, type Stage, type Verdict } from '../scenario.ts'
import { withWorld, type World } from '../world.ts'

const concurrency = 20
const perSecond = 100
const settleMs = 60_000

/** Every few seconds something dies as it does when its memory is taken away, and comes back a moment later. */
async function storm(world: World, { seconds, random, short, say }: Stage): Promise<void> {
  const targets = [...world.processes.keys(), 'redis']
  const down = new Map<string, Promise<void>>()
  // in the short form each once and one of them twice, however long that takes: six seeds are not to leave one out
  const due = short ? [...targets, random.pick(targets)] : []
  for (const until = performance.now() + seconds * 1_000; ; ) {
    await pause(random.between(2_000, 4_000))
    if (short ? due.length === 0 : performance.now() > until) break
    const candidates = (due.length > 0 ? due : targets).filter((name) => !down.has(name))
    const target = random.pick(candidates.length > 0 ? candidates : targets)
    if (down.has(target)) continue
    if (due.includes(target)) due.splice(due.indexOf(target), 1)
    say(`kill -9 ${target}`)
    const downMs = random.between(100, 800)
    down.set(
      target,
      world.killAndStart(target, downMs).finally(() => down.delete(target)),
    )
  }
  await Promise.all(down.values())
}

async function run(stage: Stage): Promise<Verdict> {
  const { random, short, ground, say } = stage
  const { dispatchers = 2 } = ground
  const sinks = { steady: steady(random), brisk: steady(random, 1, 10), moody: moody(random) }
  const quick = short && { LOCK_MS: '3000', STALLED_MS: '1000' }
  const settings = { CONCURRENCY: String(concurrency), LOG_LEVEL: 'error', ...quick, ...ground.settings }
  return withWorld({ ...ground, dispatchers, settings, random, sinks, webhook: { retry: eager } }, async (world) => {
    const client = world.publish({ perSecond })
    const startedAt = performance.now()
    await storm(world, stage)
    const seconds = Math.round((performance.now() - startedAt) / 1_000)
    await client.stop()
    say(`${client.accepted()} accepted, ${world.strikes.length} kills; waiting until all is delivered`)
    const drainedMs = await world.settle(settleMs)
    const found = await world.check(client)

    const kills = world.strikes.filter(({ on }) => on.startsWith('dispatcher')).length
    const share = found.duplicated / Math.max(1, found.posts)
    const available = availability(client.asked, world.outages)
    return {
      goals: [
        ...nothingLost(found),
        atMost('extra requests, of all', share * 100, 2, ' %'),
        atMost(`extra requests, with ${kills} dispatchers killed at ${concurrency} at once`, found.duplicated, kills * concurrency),
        atLeast('accepted, outside the downtime of ingest', available * 100, 95, ' %'),
        none('processes that ended by themselves', world.crashes().length),
      ],
      figures: {
        ...figuresOf(found),
        seconds,
        kills: countStrikes(world),
        duplicatedShare: percent(share),
        available: percent(available),
        drainedMs: drainedMs === undefined ? null : Math.round(drainedMs),
        acceptP99Ms: Math.round(
          percentile(
            client.asked.map(({ ms }) => ms),
            0.99,
          ),
        ),
        concurrency,
        dispatchers,
      },
    }
  })
}

export const crashStorm: Scenario = {
  name: 'R1',
  title: 'crash storm: kill -9 of a random process every 2 to 4 s',
  seconds: 300,
  shortSeconds: 20,
  anywhere: true,
  run,
}
