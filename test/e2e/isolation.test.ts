import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { anEvent, fast } from '../support/builders.ts'
import { eventually } from '../support/eventually.ts'
import { faultsOf, startSystem, type System } from '../support/system.ts'

let system: System
beforeAll(async () => {
  system = await startSystem({ dispatchers: 2, settings: { CONCURRENCY: '8', BREAKER_FAILURES: '3', BREAKER_OPEN_MS: '1000' } })
})
afterAll(async () => {
  expect(faultsOf(system)).toEqual([])
  await system.stop()
})

let last = 0
/** A webhook with an inbox of its own, to which events of one type go. */
async function aWebhook(members: Record<string, unknown> = {}) {
  const type = `isolated${++last}.done`
  const inbox = system.receiver.at(`/isolated/${last}`)
  const webhook = await system.api.createWebhook({ url: inbox.url, retry: fast(0.05, 0.05, 0.05, 60), ...members })
  await system.api.subscribe(webhook.id, type)
  const publish = (count: number, more: (n: number) => Record<string, unknown> = () => ({})) =>
    system.api.publish(Array.from({ length: count }, (_, n) => anEvent({ type, ...more(n) })))
  const is = (status: string, count: number, withinMs = 10_000) =>
    eventually(async () => {
      const filter = {
        and: [
          { field: 'webhook_id', op: 'eq', value: webhook.id },
          { field: 'status', op: 'eq', value: status },
        ],
      } as const
      expect(await system.api.count(filter as never)).toBe(count)
    }, withinMs)
  const allSucceeded = (count: number, withinMs?: number) => is('succeeded', count, withinMs)
  return { inbox, webhook, publish, is, allSucceeded }
}

/** How many requests were under way at once, by when they came and how long each was answered after. */
function most(requests: { at: number }[], takesMs: number): number {
  return Math.max(...requests.map(({ at }) => requests.filter((other) => other.at <= at && other.at > at - takesMs).length))
}

describe('a webhook', () => {
  it('gets no more requests at once than it allows, over all dispatchers', async () => {
    const { inbox, publish, allSucceeded } = await aWebhook({ max_in_flight: 2 })
    inbox.reply({ status: 200, afterMs: 60 })

    await publish(20)

    await allSucceeded(20)
    // the answer is on its way back for a moment, in which the next request may already come
    expect(most(inbox.requests, 50)).toBeLessThanOrEqual(2)
    expect(inbox.requests).toHaveLength(20)
  })

  it('gets no more requests a second than it allows, and all of them in the end', async () => {
    const { inbox, publish, allSucceeded } = await aWebhook({ rate_limit: 10 })

    await publish(30)

    await allSucceeded(30)
    const [first] = inbox.requests.map(({ at }) => at) as [number]
    const within = (ms: number) => inbox.requests.filter(({ at }) => at - first < ms).length
    expect(within(950)).toBeLessThanOrEqual(20)
    expect(within(1_900)).toBeLessThanOrEqual(30)
    expect(Math.max(...inbox.requests.map(({ at }) => at)) - first).toBeGreaterThan(1_500)
  })

  it('that keeps failing is left alone for a while, then tried with one request, then gets the rest', async () => {
    const { inbox, publish, allSucceeded } = await aWebhook({ max_in_flight: 1 })
    inbox.reply(500, 500, 500, 200)

    await publish(12)

    await allSucceeded(12)
    const times = inbox.requests.map(({ at }) => at)
    expect((times[3] as number) - (times[2] as number)).toBeGreaterThanOrEqual(950)
    // three attempts failed, and no delivery was tried while the breaker was open
    expect(inbox.requests).toHaveLength(15)
  })

  it('that asks for quiet gets it, for all deliveries', async () => {
    const { inbox, publish, allSucceeded } = await aWebhook({ max_in_flight: 1 })
    inbox.reply({ status: 503, headers: { 'retry-after': '1' } }, 200)

    await publish(6)

    await allSucceeded(6)
    const times = inbox.requests.map(({ at }) => at)
    expect((times[1] as number) - (times[0] as number)).toBeGreaterThanOrEqual(950)
    expect(inbox.requests).toHaveLength(7)
  })

  const refusing = { status: 503, headers: { 'retry-after': '3600' } }

  it('is forgiven when it is changed', async () => {
    const { inbox, publish, allSucceeded, webhook, is } = await aWebhook({ max_in_flight: 1 })
    const mended = system.receiver.at(`/isolated/mended`)
    inbox.reply(refusing)
    await publish(3)
    await is('retrying', 1)

    await system.api.patchWebhook(webhook.id, { url: mended.url })

    // the one that was answered waits for its own Retry-After; what was parked behind it goes at once
    await allSucceeded(2)
    expect(mended.requests).toHaveLength(2)
  })

  it('is not held to what the old address says to a request that was under way', async () => {
    const { inbox, publish, allSucceeded, webhook, is } = await aWebhook({ max_in_flight: 1 })
    const mended = system.receiver.at(`/isolated/mended/meanwhile`)
    inbox.reply({ ...refusing, afterMs: 1_000 })
    await publish(3)
    await inbox.request(1)

    await system.api.patchWebhook(webhook.id, { url: mended.url })

    await is('retrying', 1)
    await allSucceeded(2)
    expect(mended.requests).toHaveLength(2)
  })
})

describe('one that hangs', () => {
  it('does not keep the others waiting', async () => {
    const dead = await aWebhook({ timeout_ms: 2_000 })
    dead.inbox.reply('hang')
    const well = await aWebhook()

    await dead.publish(60)
    await dead.inbox.request(1)
    const from = Date.now()
    await well.publish(20)

    await well.allSucceeded(20, 1_500)
    expect(Date.now() - from).toBeLessThan(1_500)
    await system.api.removeWebhook(dead.webhook.id)
  })
})

describe('in order', () => {
  const entityOf = (n: number) => ({ entity: { type: 'table', name: `t${n % 2}` }, data: { n } })
  const numbers = (bodies: { body: string }[]) => bodies.map(({ body }) => (JSON.parse(body) as { data: { n: number } }).data.n)

  it('of the webhook: one after the other, each once the one before has ended', async () => {
    const { inbox, publish, allSucceeded } = await aWebhook({ order: 'webhook', retry: fast(0.3, 0.3) })
    inbox.reply({ status: 200, afterMs: 20 }, 500, { status: 200, afterMs: 20 })

    await publish(10, (n) => ({ data: { n } }))
    await publish(10, (n) => ({ data: { n: n + 10 } }))

    await allSucceeded(20)
    expect(numbers(inbox.requests)).toEqual([0, 1, 1, ...Array.from({ length: 18 }, (_, i) => i + 2)])
  })

  it('of an entity: one that fails holds back its own entity alone', async () => {
    const { inbox, publish, allSucceeded } = await aWebhook({ order: 'entity', retry: fast(0.6, 0.3) })
    inbox.reply(500, 200)

    await publish(10, entityOf)

    await allSucceeded(10)
    const sent = numbers(inbox.requests)
    const [failed] = sent as [number]
    const others = sent.filter((n) => n % 2 !== failed % 2)
    const own = sent.filter((n) => n % 2 === failed % 2)
    expect(others).toEqual(others.toSorted((a, b) => a - b))
    expect(own).toEqual([failed, ...own.slice(1).toSorted((a, b) => a - b)])
    expect(own.slice(0, 2)).toEqual([failed, failed])
    expect(sent.indexOf(others.at(-1) as number)).toBeLessThan(sent.lastIndexOf(failed))
  })

  it('is kept when Redis is wiped', async () => {
    const { inbox, publish, allSucceeded } = await aWebhook({ order: 'webhook', retry: fast(0.3) })
    inbox.reply({ status: 200, afterMs: 100 })
    await publish(12, (n) => ({ data: { n } }))
    await inbox.request(2)

    await system.redis.flush()

    await allSucceeded(12, 30_000)
    const seen = numbers(inbox.requests)
    expect([...new Set(seen)]).toEqual(Array.from({ length: 12 }, (_, n) => n))
  })
})

describe('batches', () => {
  it('hold what comes together, up to their size, and share one request and its outcome', async () => {
    const { inbox, publish, allSucceeded, webhook } = await aWebhook({ batch_size: 10, format: 'openmetadata', retry: fast(0.1) })
    inbox.reply(500, 200)

    const ids = await publish(25)

    await allSucceeded(25)
    const bodies = inbox.requests.map(({ body }) => JSON.parse(body) as { data: { eventId: string }[]; paging: { total: number } })
    // 25 events in three batches, one of which was refused and came again as it was
    const sizes = bodies.map(({ data }) => data.length)
    expect(sizes.reduce((sum, size) => sum + size, 0) - (sizes[0] as number)).toBe(25)
    expect(inbox.requests).toHaveLength(4)
    expect(new Set(inbox.requests.map(({ body }) => body)).size).toBe(3)
    expect(new Set(bodies.flatMap(({ data }) => data.map(({ eventId }) => eventId)))).toEqual(new Set(ids))
    expect(bodies.every(({ data, paging }) => paging.total === data.length)).toBe(true)
    const delivery = await system.api.deliveryOf(ids[0] as string, webhook.id)
    const own = inbox.requests.findLast(({ body }) => body.includes(ids[0] as string))
    expect(delivery.attempt_log.at(-1)?.request?.body).toBe(own?.body)
  })

  it('survive a wiped Redis as they were', async () => {
    const { inbox, publish, allSucceeded } = await aWebhook({ batch_size: 5, format: 'openmetadata', max_in_flight: 1 })
    inbox.reply({ status: 200, afterMs: 300 })
    await publish(20)
    await inbox.request(1)

    await system.redis.flush()

    await allSucceeded(20, 30_000)
    expect(inbox.requests.every(({ body }) => (JSON.parse(body) as { data: unknown[] }).data.length === 5)).toBe(true)
  })

  it('an event that is sent again is a batch of its own', async () => {
    const { inbox, publish, allSucceeded, webhook } = await aWebhook({ batch_size: 5, format: 'openmetadata' })
    const ids = await publish(5)
    await allSucceeded(5)

    await system.api.redeliver((await system.api.deliveryOf(ids[2] as string, webhook.id)).id)

    const { body } = await inbox.request(2)
    expect(JSON.parse(body)).toMatchObject({ data: [expect.anything()], paging: { total: 1 } })
  })
})
