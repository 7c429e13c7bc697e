import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Random } from '../../infra/demo/random.ts'
import { startSinks, type Behaviour, type Post, type Sinks } from '../chaos/sinks.ts'
import { startSystem, type System } from '../support/system.ts'

/** Many webhooks, each with events of its own, and a stream of events at a steady rate: who lives beside whom. */
export type Town = {
  system: System
  webhooks: Webhook[]
  /** Publishes at a steady rate, whatever becomes of it, and waits for what the healthy ones got. @returns their latencies, milliseconds */
  live(options: Living): Promise<number[]>
  /** Publishes as fast as it goes, in requests of 500 events. */
  flood(webhook: Webhook, count: number): Promise<void>
  /** Publishes a single event. */
  one(webhook: Webhook): Promise<void>
  posts(): Post[]
}
export type Webhook = { n: number; id: string; type: string; name: string; behave: Behaviour }
export type Living = {
  seconds: number
  perSecond?: number
  /** Which webhook the next event is for. */
  pick(random: Random): Webhook
  /** Whose latencies count. */
  healthy(webhook: Webhook): boolean
}

export const well =
  (random: Random): Behaviour =>
  () => ({ answer: 200, afterMs: 5 + 10 * random.next() })

type TownOptions = {
  random: Random
  count: number
  settings?: Record<string, string>
  webhook?: (n: number) => Record<string, unknown>
  short: boolean
}

export async function withTown<T>(options: TownOptions, body: (town: Town) => Promise<T>): Promise<T> {
  const endings: (() => unknown)[] = []
  try {
    const folder = await mkdtemp(join(tmpdir(), 'tidings-isolation-'))
    endings.push(() => rm(folder, { recursive: true, force: true }))
    const system = await startSystem({ dispatchers: 2, settings: { LOG_LEVEL: 'error', ...options.settings } })
    endings.push(() => system.stop())
    const sinks = await startSinks(join(folder, 'truth.jsonl'))
    endings.push(() => sinks.stop())
    const town = await settle(options, system, sinks)
    await warmUp(town, sinks, options)
    return await body(town)
  } finally {
    for (const end of endings.reverse()) await end()
  }
}

/**
 * Code that has run a few times is several times slower than what is compared with it later, and takes the machine from what is
 * measured: first in requests of many, then one by one, as it is measured. In pieces, as a flood would wait.
 */
async function warmUp({ webhooks, flood, one }: Town, sinks: Sinks, { random, short }: TownOptions): Promise<void> {
  const [many, singly] = short ? [1_000, 0] : [4_000, 12_000]
  const patience = AbortSignal.timeout(180_000)
  const delivered = async (wanted: number) => {
    while (sinks.count() < wanted) await pause(5, undefined, { signal: patience })
  }
  for (let sent = 0; sent < many; sent += 100) {
    await flood(random.pick(webhooks), 100)
    await delivered(sent)
  }
  for (let sent = 0; sent < singly; sent += 50) {
    await Promise.all(Array.from({ length: 50 }, () => one(random.pick(webhooks))))
    await delivered(many + sent - 500)
  }
  await delivered(many + singly)
}

async function settle({ random, short, count, webhook: members }: TownOptions, system: System, sinks: Sinks): Promise<Town> {
  const webhooks: Webhook[] = []
  /** When each event came first. In memory: to read the sinks' file takes longer than what is measured. */
  const arrived = new Map<string, number>()
  for (let n = 0; n < count; n++) {
    const webhook: Webhook = { n, id: '', type: `town${n}.changed`, name: `w${n}`, behave: well(random) }
    const sink = sinks.add(webhook.name, (path, id) => {
      if (!arrived.has(id)) arrived.set(id, performance.now())
      return webhook.behave(path, id)
    })
    const { id, secret } = await system.api.createWebhook({ url: sink.url, label: webhook.name, timeout_ms: 5_000, ...members?.(n) })
    sink.sign(secret)
    await system.api.subscribe(id, webhook.type)
    webhooks.push(Object.assign(webhook, { id }))
  }
  const event = (webhook: Webhook) => ({ type: webhook.type, entity: { type: 'table', name: webhook.name }, data: { n: webhook.n } })

  async function live({ seconds, perSecond = short ? 60 : 200, pick, healthy }: Living): Promise<number[]> {
    const sentAt = new Map<string, number>()
    const asked: Promise<unknown>[] = []
    const startedAt = performance.now()
    const total = seconds * perSecond
    for (let sent = 0; sent < total; ) {
      // what is late is sent late, and not left out: its time counts from when it was due
      for (const due = Math.min(total, ((performance.now() - startedAt) / 1_000) * perSecond); sent < due; sent++) {
        const webhook = pick(random)
        const at = performance.now()
        asked.push(system.api.publish(event(webhook)).then(([id]) => healthy(webhook) && sentAt.set(id as string, at)))
      }
      await pause(5)
    }
    await Promise.all(asked)
    return await latencies(sentAt, arrived)
  }

  return {
    system,
    webhooks,
    live,
    async flood(webhook, many) {
      const piece = Array.from({ length: 500 }, () => event(webhook))
      for (let sent = 0; sent < many; sent += piece.length) await system.api.publish(piece.slice(0, many - sent))
    },
    one: async (webhook) => void (await system.api.publish(event(webhook))),
    posts: sinks.truth,
  }
}

/** Of each event how long it took to come first, in milliseconds; waits for the last of them. */
async function latencies(sentAt: Map<string, number>, arrived: Map<string, number>): Promise<number[]> {
  const isHere = (id: string) => arrived.has(id)
  for (let waited = 0; waited < 60_000 && ![...sentAt.keys()].every(isHere); waited += 200) await pause(200)
  return [...sentAt].map(([id, at]) => (arrived.get(id) ?? Number.POSITIVE_INFINITY) - at)
}
