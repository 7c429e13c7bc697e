import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startDispatcher } from '../../services/dispatcher/service.ts'
import { dispatcherSettings } from '../../services/dispatcher/settings.ts'
import { startStatus } from '../../services/status/service.ts'
import { statusSettings } from '../../services/status/settings.ts'
import { systemClock } from '../../shared/clock.ts'
import { jobId } from '../../shared/id.ts'
import { openVault } from '../../shared/secrets.ts'
import type { NewDelivery, Webhook } from '../../shared/storage/storage.ts'
import { openGate } from '../../shared/transport.ts'
import { aNewEvent, aWebhook, fast } from '../support/builders.ts'
import { eventually } from '../support/eventually.ts'
import { aDelivery } from '../support/outcomes.ts'
import { useParts } from '../support/parts.ts'
import { startReceiver, type Inbox, type Receiver } from '../support/receiver.ts'

const parts = useParts()
let receiver: Receiver
beforeAll(async () => {
  receiver = await startReceiver()
})
afterAll(() => receiver.stop())

const vault = openVault(Buffer.alloc(32, 7))
const minute = 60_000
let inbox: Inbox
let webhook: Webhook
let paths = 0

async function store(members: Partial<Webhook>): Promise<void> {
  inbox = receiver.at(`/${++paths}`)
  const { id } = aWebhook()
  const sealed = vault.seal(`whsec_${Buffer.alloc(32, 1).toString('base64')}`, id)
  webhook = aWebhook({ id, url: inbox.url, secrets: [{ sealed, createdAt: 0, expiresAt: null }], ...members })
  await parts().storage.webhooks.create(webhook)
}

/** Fanned out as the relay does it, bodies included; a Redis that is new gets the jobs from status. */
async function fanOut(count: number, members: Partial<NewDelivery> = {}): Promise<NewDelivery[]> {
  const { storage, bodies } = parts()
  const now = Date.now()
  const all: NewDelivery[] = []
  for (let left = count; left > 0; left -= 1_000) {
    const events = Array.from({ length: Math.min(left, 1_000) }, () => aNewEvent({}, now))
    await storage.events.accept({ events, organizationId: 'org', now })
    const deliveries = events.map(({ envelope }) => ({ ...aDelivery(envelope.id, webhook.id), acceptedAt: now, ...members }))
    await storage.deliveries.create(deliveries, now)
    await storage.events.markFannedOut(
      events.map(({ envelope }) => ({ id: envelope.id, matched: 1 })),
      now,
    )
    await bodies.put(
      events.map(({ envelope }) => ({ envelope, data: '{"rows":3}' })),
      deliveries,
    )
    all.push(...deliveries)
  }
  return all
}

const common = { redisUrl: 'redis://unused', databaseUrl: 'unused', masterKey: Buffer.alloc(32).toString('base64') }

/** Status by a clock that the test moves, a dispatcher by the real one: it decides which jobs are due. */
async function work(): Promise<void> {
  const { storage, target, log, clock, ending } = parts()
  const shared = { storage, redis: target, vault, log }
  const forStatus = statusSettings.parse({ ...common, logRetentionDays: '0' })
  ending(await startStatus({ ...shared, settings: forStatus, clock }))
  const forDispatcher = dispatcherSettings.parse({ ...common, allowedAddresses: '127.0.0.0/8', breakerOpenMs: '300000' })
  ending(await startDispatcher({ ...shared, settings: forDispatcher, clock: systemClock }))
}

const standing = async ({ id }: NewDelivery) => (await parts().storage.deliveries.find('org', id))?.delivery
const jobs = async () => Object.values(await parts().queue.counts()).reduce((sum, count) => sum + count, 0)
const succeeded = () =>
  parts().storage.deliveries.count('org', {
    and: [
      { field: 'webhook_id', op: 'eq', value: webhook.id },
      { field: 'status', op: 'eq', value: 'succeeded' },
    ],
  })
const heldOnes = async () => {
  const filter = { field: 'next_attempt_at', op: 'is_null', value: true } as const
  return (await parts().storage.deliveries.count('org', { and: [filter, { field: 'status', op: 'eq', value: 'pending' }] })).count
}
const received = () => inbox.requests.map(({ id }) => id)

describe('a retry that is due in more than ten minutes', () => {
  beforeEach(() => store({ retry: fast(3_600, 1) }))

  async function failed(members: Partial<NewDelivery> = {}, count = 1): Promise<[NewDelivery, ...NewDelivery[]]> {
    inbox.reply(500, 200)
    const list = (await fanOut(count, members)) as [NewDelivery, ...NewDelivery[]]
    await work()
    await eventually(async () => expect(await standing(list[0])).toMatchObject({ state: 'retrying', step: 1 }))
    return list
  }

  const aheadMs = 3_000
  /** So that it is due soon, and status has the time to see it coming. */
  async function advanceTo(delivery: NewDelivery): Promise<void> {
    const at = (await standing(delivery))?.nextAttemptAt as number
    parts().clock.advance(at - aheadMs - parts().clock.now())
  }

  it('leaves Redis with all that belongs to it, and is made when it is due', async () => {
    const [delivery] = await failed()
    const { redis, key, queue } = parts()
    await eventually(async () => expect(await jobs()).toBe(0))
    await eventually(async () => expect(await redis.exists(key.event(delivery.eventId))).toBe(0))
    expect(await redis.exists(key.done(jobId(delivery.id, 0)))).toBe(0)

    await advanceTo(delivery)
    const from = Date.now()

    const job = await eventually(async () => {
      const found = await queue.bull.getJob(jobId(delivery.id, 0))
      expect(found).toBeDefined()
      return found
    })
    expect(job?.opts.attempts).toBe(2)
    const { at } = await inbox.request(2)
    expect(at - from).toBeGreaterThan(aheadMs - 200)
    expect(at - from).toBeLessThan(aheadMs + 2_000)
    await eventually(async () => expect(await standing(delivery)).toMatchObject({ state: 'succeeded', attempts: 2, step: 2 }))
    expect(received()).toEqual([delivery.eventId, delivery.eventId])
  })

  it('goes on counting: the last attempt is the last', async () => {
    const [delivery] = await failed()
    inbox.reply(500)

    await advanceTo(delivery)

    await eventually(async () => expect(await standing(delivery)).toMatchObject({ state: 'failed', attempts: 3, step: 3 }))
    expect((await standing(delivery))?.reason).toBe('answered 500; attempt 3 of 3 was the last')
    expect(received()).toHaveLength(3)
  })

  it('is made when it is due though Redis was wiped in between', async () => {
    const [delivery] = await failed()
    const { redis, key, server } = parts()
    await eventually(async () => expect(await jobs()).toBe(0))

    await server.flush()

    await eventually(async () => expect(await redis.get(key.epoch)).toBe('whole'))
    expect(await jobs()).toBe(0)
    await advanceTo(delivery)
    await eventually(async () => expect(await standing(delivery)).toMatchObject({ state: 'succeeded', attempts: 2 }))
    expect(received()).toHaveLength(2)
  })

  it('keeps its place in its lane meanwhile, over every look of the reconciler and a wipe of Redis', async () => {
    const lane = { lane: webhook.id }
    const [first, ...others] = await failed(lane, 4)
    const { redis, key, storage, clock, server } = parts()
    const passed = async () => {
      // a pass leaves its mark on what it looked at: an attempt that never ended
      const lost = { kind: 'started', attemptId: `lost ${clock.now()}`, deliveryId: first.id, webhookId: webhook.id } as const
      await storage.deliveries.record([{ ...lost, generation: 0, at: clock.now() - 30 * minute }], clock.now())
      clock.advance(minute)
      await eventually(async () => {
        const { attempts } = (await storage.deliveries.find('org', first.id)) ?? { attempts: [] }
        expect(attempts.find(({ id }) => id === lost.attemptId)).toMatchObject({ outcome: 'interrupted' })
      })
    }

    await passed()
    await passed()
    await server.flush()
    await eventually(async () => expect(await redis.get(key.epoch)).toBe('whole'))
    await passed()

    expect(received()).toEqual([first.eventId])
    expect(await redis.zcard(key.lane(webhook.id))).toBe(4)
    await advanceTo(first)
    await eventually(async () => expect((await succeeded()).count).toBe(4))
    expect(received()).toEqual([first.eventId, first.eventId, ...others.map(({ eventId }) => eventId)])
  })
})

describe('deliveries for which there is no room', () => {
  const quiet = { status: 503, headers: { 'retry-after': '3600' } }

  it('are held beyond a thousand, and follow the others when there is room, each once and in order', async () => {
    await store({ maxInFlight: 1 })
    inbox.reply(quiet, 200)
    const list = await fanOut(1_700)
    await work()
    const { redis, target, key, storage } = parts()
    // one was answered, and waits for its Retry-After in SQL, too
    await eventually(async () => expect(await heldOnes()).toBeGreaterThanOrEqual(640), 40_000)
    await eventually(async () => expect((await heldOnes()) + (await jobs())).toBe(1_699), 40_000)
    expect(await redis.zcard(key.parked(webhook.id))).toBeLessThan(1_060)
    const rows = await Promise.all(list.map(async (one) => ({ ...one, row: await standing(one) })))
    const held = rows.filter(({ row }) => row?.state === 'pending' && row.nextAttemptAt === null)
    expect(held.every(({ row }) => row?.attempts === 0)).toBe(true)

    await openGate(redis, target.prefix, webhook.id)

    await eventually(async () => expect((await succeeded()).count).toBe(1_699), 50_000)
    const counts = new Map<string, number>()
    for (const id of received()) counts.set(id, (counts.get(id) ?? 0) + 1)
    expect([...counts.values()].filter((count) => count > 1)).toEqual([])
    expect(counts.size).toBe(1_700)
    const places = new Map(received().map((id, place) => [id, place]))
    const inOrder = held.toSorted((a, b) => (a.id < b.id ? -1 : 1)).map(({ eventId }) => places.get(eventId) as number)
    expect(inOrder).toEqual(inOrder.toSorted((a, b) => a - b))
    expect(await storage.deliveries.heldWebhooks()).toEqual([])
    expect(await redis.zcard(key.parked(webhook.id))).toBe(0)
  })

  it('take no more of Redis than a thousand of them, however many there are', { timeout: 150_000 }, async () => {
    await store({})
    const { redis, key, server, storage } = parts()
    // closed before the first
    await redis.hset(key.gate(webhook.id), { open: Date.now() + 60 * minute })
    await work()
    const used = async () => Number(/used_memory:(\d+)/.exec(await server.ask('INFO', 'memory'))?.[1])
    await eventually(async () => expect(await redis.get(key.epoch)).toBe('whole'))
    const before = await used()

    await fanOut(20_000)
    // all at once, as after a wipe
    await redis.del(key.epoch)

    await eventually(async () => expect(await heldOnes()).toBeGreaterThan(18_900), 120_000)
    await eventually(async () => expect((await heldOnes()) + (await jobs())).toBe(20_000), 20_000)
    await eventually(async () => expect(await redis.xlen(key.outcomes)).toBe(0))
    await eventually(async () => expect((await used()) - before).toBeLessThan(2_000_000))
    expect(inbox.requests).toEqual([])
    expect(await storage.deliveries.heldWebhooks()).toEqual([webhook.id])
  })

  it('are cancelled like others when their webhook is switched off', async () => {
    await store({})
    const { redis, key, storage, target, clock } = parts()
    await redis.hset(key.gate(webhook.id), { open: Date.now() + 60 * minute })
    await fanOut(1_100)
    await work()
    await eventually(async () => expect((await heldOnes()) + (await jobs())).toBe(1_100), 40_000)
    await eventually(async () => expect(await heldOnes()).toBeGreaterThan(40))

    await storage.webhooks.update('org', webhook.id, { active: false }, clock.now())
    await redis.set(key.registry, 'another')
    await openGate(redis, target.prefix, webhook.id)

    const cancelled = { field: 'status', op: 'eq', value: 'cancelled' } as const
    await eventually(async () => expect((await storage.deliveries.count('org', cancelled)).count).toBe(1_100), 40_000)
    expect(inbox.requests).toEqual([])
  })
})
