import { expect, it } from 'vitest'
import { connectRedis, failFast, redisOptions } from '../../shared/redis.ts'
import { keys } from '../../shared/transport.ts'
import { anEvent } from '../support/builders.ts'
import { eventually } from '../support/eventually.ts'
import type { ServiceProcess } from '../support/processes.ts'
import { withSystem, type System } from '../support/system.ts'

/** Events of one phase; each of five phases has a catastrophe in its middle. */
const share = 400
const publishers = 20
const dispatchers = 2
const concurrency = 10
const patienceMs = 90_000
const settings = { CONCURRENCY: String(concurrency), LOCK_MS: '3000', STALLED_MS: '1000', LOG_LEVEL: 'error' }

it(
  'loses nothing, leaves nothing unlogged or open, and repeats little when everything is killed in the middle and Redis wiped',
  () =>
    withSystem({ dispatchers, settings }, async (system) => {
      const { receiver, api } = system
      receiver.reply({ status: 200, afterMs: 50 })
      const webhook = await api.createWebhook({ url: receiver.url })
      await api.subscribe(webhook.id, '*')
      const accepted = new Set<string>()

      const strikes = catastrophes(system)
      for (const [phase, { progress, strike }] of strikes.entries()) {
        const publishing = publish(system, phase * share, accepted)
        await eventually(() => expect(progress(accepted)).toBeGreaterThanOrEqual(phase * share + share / 4), patienceMs)
        await strike()
        await publishing
      }
      await eventually(async () => expect(await openDeliveries(system)).toBe(0), patienceMs)

      const found = await audit(system, accepted)
      process.stdout.write(`4 kills and a wipe amid ${accepted.size} events: ${JSON.stringify({ ...found, unrecorded })}\n`)
      expect(accepted.size).toBe(strikes.length * share)
      expect(found).toMatchObject({ lost: 0, unlogged: 0, unexpected: 0, open: 0, notSucceeded: 0, phantoms: 0 })
      // one dispatcher dies with its requests under way; the wipe takes the marks of those under way and of those unrecorded
      expect(found.duplicates).toBeLessThanOrEqual(concurrency + dispatchers * concurrency + unrecorded)
    }),
  patienceMs * 2,
)

/** Outcomes that were in Redis, and nowhere else, when it was wiped. */
let unrecorded = 0

/** What strikes, when a quarter of its phase has come so far: accepted, or delivered. Whatever was killed is started again. */
function catastrophes(system: System): { progress(accepted: Set<string>): number; strike(): Promise<void> }[] {
  const { ingest, status, dispatchers, redis, receiver, api } = system
  const delivered = () => new Set(receiver.requests.map((request) => request.id)).size

  async function killAndStart(process: ServiceProcess | undefined): Promise<void> {
    await process?.kill()
    await process?.start()
  }

  async function killStatus(): Promise<void> {
    await status.kill()
    // outcomes gather that nobody records
    const before = delivered()
    await eventually(() => expect(delivered()).toBeGreaterThan(before + share / 8), patienceMs)
    await status.start()
  }

  async function killRedis(): Promise<void> {
    await redis.kill()
    await redis.restart()
    // the last one meets a log that knows of all that was before
    const succeeded = { field: 'status', op: 'eq', value: 'succeeded' } as const
    await eventually(async () => expect(await api.count(succeeded)).toBe(4 * share), patienceMs)
  }

  async function wipeRedis(): Promise<void> {
    unrecorded = await wipe(redis.url)
  }

  return [
    { progress: (accepted) => accepted.size, strike: () => killAndStart(ingest) },
    { progress: delivered, strike: () => killAndStart(dispatchers[0]) },
    { progress: delivered, strike: killStatus },
    { progress: delivered, strike: killRedis },
    { progress: delivered, strike: wipeRedis },
  ]
}

/** A client that does as the documentation says: without a 202 it sends the event again under the same id. */
async function publish({ api }: System, from: number, accepted: Set<string>): Promise<void> {
  let next = from
  async function publishOnes(): Promise<void> {
    for (let n = next++; n < from + share; n = next++) {
      const [id] = await eventually(() => api.publish(anEvent({ id: `event-${n}`, data: { n } })), patienceMs)
      accepted.add(id as string)
    }
  }
  await Promise.all(Array.from({ length: publishers }, publishOnes))
}

/** Counts and wipes in one transaction: no outcome comes or goes in between. */
async function wipe(url: string): Promise<number> {
  const client = connectRedis({ url, prefix: '' }, { ...redisOptions(url), ...failFast, enableOfflineQueue: true }, () => {})
  const [counted] = (await client.multi().xlen(keys('{tidings}').outcomes).flushall().exec()) ?? []
  client.disconnect()
  return Number(counted?.[1])
}

async function openDeliveries({ api, storage }: System): Promise<number> {
  const { notFannedOut } = await storage.deliveries.tally('default', { from: 0, to: Number.MAX_SAFE_INTEGER })
  return notFannedOut + (await api.count({ field: 'status', op: 'in', value: ['pending', 'retrying'] }))
}

/** Compares what was accepted, what the receiver saw and what the log says. */
async function audit(system: System, accepted: Set<string>) {
  const { receiver, api, storage } = system
  const posts = new Map<string, number>()
  for (const { id } of receiver.requests) posts.set(id, (posts.get(id) ?? 0) + 1)
  const counts = { unlogged: 0, phantoms: 0 }
  for await (const { id, eventId } of everyDelivery(system)) {
    const attempts = (await storage.deliveries.find('default', id))?.attempts ?? []
    const seen = posts.get(eventId) ?? 0
    counts.unlogged += Math.max(0, seen - attempts.length)
    counts.phantoms += Math.max(0, attempts.filter((attempt) => attempt.outcome === 'succeeded').length - seen)
  }
  return {
    lost: [...accepted].filter((id) => !posts.has(id)).length,
    unexpected: [...posts.keys()].filter((id) => !accepted.has(id)).length,
    duplicates: receiver.requests.length - posts.size,
    open: await openDeliveries(system),
    notSucceeded: accepted.size - (await api.count({ field: 'status', op: 'eq', value: 'succeeded' })),
    ...counts,
  }
}

async function* everyDelivery({ storage }: System) {
  let after: string | undefined
  do {
    const page = await storage.deliveries.filter('default', { limit: 200, after })
    yield* page.rows
    after = page.nextCursor ?? undefined
  } while (after)
}
