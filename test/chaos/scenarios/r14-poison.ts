import { createHash } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { steady } from '../behaviours.ts'
import { figuresOf, nothingLost, percentile } from '../goals.ts'
import { sabotaged } from '../sabotage.ts'
import { atLeast, atMost, holds, type Scenario, type Stage, type Verdict } from '../scenario.ts'
import type { Client } from '../client.ts'
import { withWorld, type World } from '../world.ts'

const mostInterruptions = 5
const calmMs = 20_000
const patienceMs = 150_000

/** Whoever supervises the dispatchers starts one anew that has died. @returns how many it was, and a way to end */
function supervise({ processes }: World) {
  let deaths = 0
  let ended = false
  let lastDeath = performance.now()
  const watching = (async () => {
    for (; !ended; await pause(50)) {
      for (const process of processes.values()) {
        if (process.alive) continue
        deaths++
        lastDeath = performance.now()
        await process.start()
      }
    }
  })()
  return {
    deaths: () => deaths,
    calmForMs: () => performance.now() - lastDeath,
    async end() {
      ended = true
      await watching
    },
  }
}

/** Milliseconds from the 2xx to the first request, of what was accepted in a time. */
async function latencies(world: World, { sent }: Client, from: number, to: number): Promise<number[]> {
  const firsts = new Map<string, number>()
  for (const { id, at } of world.sinks.truth()) if (!firsts.has(id)) firsts.set(id, at)
  const ids = new Map((await world.log.read()).events.map(({ id, source, key }) => [`${source} ${key}`, id]))
  return sent
    .filter(({ acceptedAt }) => acceptedAt >= from && acceptedAt < to)
    .flatMap(({ door, key, acceptedAt }) => {
      const at = firsts.get(ids.get(`${door} ${key}`) ?? '')
      return at === undefined ? [] : [Math.max(1, at - acceptedAt)]
    })
}

async function run({ random, short, say }: Stage): Promise<Verdict> {
  const settings = { LOCK_MS: '3000', STALLED_MS: '1000', LOG_LEVEL: 'fatal' }
  const settingsOf = (name: string) => (name.startsWith('dispatcher') ? sabotaged({ poison: '/poison' }) : {})
  const spanMs = short ? 5_000 : 15_000
  return withWorld({ dispatchers: 2, settings, settingsOf, random, sinks: { steady: steady(random, 1, 10) } }, async (world) => {
    const { api } = world.system
    const webhook = await api.createWebhook({ url: `${world.sinks.origin}/poison`, label: 'poison' })
    await api.subscribe(webhook.id, 'poison.pill')
    const supervisor = supervise(world)
    const client = world.publish({ perSecond: 40 })
    await pause(spanMs)
    const before = { from: Date.now() - spanMs + 2_000, to: Date.now() }

    const body = JSON.stringify({ id: 'poison', type: 'poison.pill', data: {} })
    const [eventId] = await api.publish(body)
    client.sent.push({ door: 'api', key: 'poison', bodyHash: createHash('sha256').update(body).digest('hex'), fate: 'ok', acceptedAt: 0 })
    const startedAt = performance.now()
    await pause(calmMs)
    while (supervisor.calmForMs() < calmMs && performance.now() - startedAt < patienceMs && supervisor.deaths() < 20) await pause(100)
    const deaths = supervisor.deaths()
    say(`${deaths} dispatchers died of it`)
    const isolatedAt = Date.now()
    await pause(spanMs)
    await supervisor.end()
    await client.stop()
    const poison = await api.deliveryOf(eventId as string, webhook.id)
    await world.settle(30_000)
    const found = await world.check(client)
    const p99 = async (from: number, to: number) => percentile(await latencies(world, client, from, to), 0.99)
    const [calm, after] = [await p99(before.from, before.to), await p99(isolatedAt, isolatedAt + spanMs)]
    return {
      goals: [
        // the poisonous delivery itself is judged below, and may be neither delivered nor open
        ...nothingLost(found),
        atMost('dispatchers that died of it', deaths, mostInterruptions),
        atLeast('dispatchers that died of it', deaths, 1),
        holds(
          'the delivery is set apart, and visible',
          'not open',
          poison.status,
          poison.status !== 'pending' && poison.status !== 'retrying',
        ),
        atMost('p99 of the others once it is set apart, against before', after / Math.max(1, calm), 1.2),
      ],
      figures: {
        ...figuresOf(found),
        deaths,
        p99BeforeMs: calm,
        p99AfterMs: after,
        poison: { status: poison.status, attempts: poison.attempts },
      },
    }
  })
}

export const poison: Scenario = { name: 'R14', title: 'a job that kills the dispatcher that takes it', seconds: 60, run }
