import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NewDelivery, Storage } from '../../shared/storage/storage.ts'
import { anId, fast, someTime } from '../support/builders.ts'
import { stateOf, storeDelivery, storeWebhook } from '../support/log.ts'
import { aDelivery, aHold, anEnd, aStart } from '../support/outcomes.ts'
import { dialects, type TestStorage } from '../support/storage.ts'

const minute = 60_000
const later = someTime + minute

describe.each(dialects)('deliveries that wait in SQL, on $name', (dialect) => {
  let opened: TestStorage
  let storage: Storage
  beforeAll(async () => {
    opened = await dialect.open()
    storage = opened.storage
  })
  afterAll(() => opened.close())

  async function some(count: number, webhookId: string): Promise<NewDelivery[]> {
    const list: NewDelivery[] = []
    for (let n = 0; n < count; n++) list.push(await storeDelivery(storage, 'org', webhookId, 'pending'))
    return list
  }
  async function held(count: number, webhookId: string): Promise<NewDelivery[]> {
    const list = await some(count, webhookId)
    await storage.deliveries.record(
      list.map((one) => aHold(one)),
      later,
    )
    return list
  }
  const standing = async ({ id }: NewDelivery) => stateOf(storage, 'org', id)
  const idsOf = (list: { id: string }[]) => list.map(({ id }) => id).toSorted()

  it('held ones are open, without a time, and not due', async () => {
    const webhookId = await storeWebhook(storage, 'org')
    const [one, other] = (await some(2, webhookId)) as [NewDelivery, NewDelivery]
    expect((await standing(one))?.nextAttemptAt).toBe(someTime)

    await storage.deliveries.record([aHold(one)], later)

    expect(await standing(one)).toMatchObject({ state: 'pending', nextAttemptAt: null, attempts: 0, updatedAt: someTime })
    const due = (await storage.deliveries.dueBefore(later, 1_000)).map(({ id }) => id)
    expect(due).toContain(other.id)
    expect(due).not.toContain(one.id)
    const range = { from: someTime, to: later }
    const before = await storage.ledger.read('org', range, { most: 1_000, limit: 10 })
    expect(before).toMatchObject({ unbalanced: 0, imbalances: [] })
    expect(before.pending).toBe(before.accepted)
  })

  it('are released so many at a time, the oldest first, of one webhook alone', async () => {
    const webhookId = await storeWebhook(storage, 'org', { retry: fast(5) })
    const another = await storeWebhook(storage, 'org')
    const list = await held(5, webhookId)
    await held(2, another)
    expect(await storage.deliveries.heldWebhooks()).toEqual(expect.arrayContaining([webhookId, another]))

    const first = await storage.deliveries.release(webhookId, 3, later)
    const rest = await storage.deliveries.release(webhookId, 3, later + 1)

    expect(first.map(({ id }) => id)).toEqual(idsOf(list).slice(0, 3))
    expect(rest.map(({ id }) => id)).toEqual(idsOf(list).slice(3))
    const { id, eventId, organizationId } = list.find((one) => one.id === first[0]?.id) as NewDelivery
    const open = { id, organizationId, eventId, webhookId, generation: 0, step: 0, nextAttemptAt: later, batchId: null, lane: null }
    expect(first[0]).toEqual({ ...open, retry: fast(5) })
    expect(await storage.deliveries.release(webhookId, 3, later)).toEqual([])
    const left = await storage.deliveries.heldWebhooks()
    expect(left).toContain(another)
    expect(left).not.toContain(webhookId)
    expect(await storage.deliveries.release(anId(), 3, later)).toEqual([])
  })

  it('are not held by an entry of another generation, of before an attempt, or of one that has ended', async () => {
    const webhookId = await storeWebhook(storage, 'org')
    const [other, tried, done] = (await some(3, webhookId)) as [NewDelivery, NewDelivery, NewDelivery]
    await storage.deliveries.record([anEnd(aStart(tried), 503), anEnd(aStart(done), 200)], later)

    await storage.deliveries.record(
      [aHold(other, { generation: 1 }), aHold(tried), aHold(done), aHold(aDelivery(anId(), webhookId))],
      later,
    )

    expect((await standing(other))?.nextAttemptAt).toBe(someTime)
    expect(await standing(tried)).toMatchObject({ state: 'retrying', nextAttemptAt: someTime + minute })
    expect(await standing(done)).toMatchObject({ state: 'succeeded', nextAttemptAt: null })
    expect(await storage.deliveries.heldWebhooks()).not.toContain(webhookId)
    await storage.deliveries.record([aHold(tried, { step: 1 })], later)
    expect(await standing(tried)).toMatchObject({ state: 'retrying', nextAttemptAt: null })
    expect(await storage.deliveries.release(webhookId, 5, later)).toMatchObject([{ id: tried.id, step: 1 }])
  })

  it('end like others: delivered all the same, cancelled, or with their webhook', async () => {
    const webhookId = await storeWebhook(storage, 'org')
    const [delivered, cancelled, left] = (await held(3, webhookId)) as [NewDelivery, NewDelivery, NewDelivery]
    const { webhookId: _, ...identity } = { deliveryId: cancelled.id, webhookId, generation: 0, at: later }

    await storage.deliveries.record([anEnd(aStart(delivered), 200), { kind: 'cancelled', ...identity, webhookId, reason: 'gone' }], later)
    expect(await standing(delivered)).toMatchObject({ state: 'succeeded' })
    expect(await standing(cancelled)).toMatchObject({ state: 'cancelled' })
    await storage.webhooks.remove('org', webhookId, later)

    expect(await standing(left)).toMatchObject({ state: 'cancelled', reason: 'webhook removed' })
    expect(await storage.deliveries.heldWebhooks()).not.toContain(webhookId)
  })

  it('can be sent again at once', async () => {
    const webhookId = await storeWebhook(storage, 'org')
    const [one] = (await held(1, webhookId)) as [NewDelivery]

    expect(await storage.deliveries.redeliver('org', one.id, later)).toMatchObject({ id: one.id, generation: 1, nextAttemptAt: later })

    await storage.deliveries.record([aHold(one)], later)
    expect(await standing(one)).toMatchObject({ state: 'pending', generation: 1, nextAttemptAt: later })
    expect(await storage.deliveries.redeliver('org', one.id, later)).toBe('open')
  })

  it('need no body of their event in Redis, once nobody else does', async () => {
    const [webhookId, another] = [await storeWebhook(storage, 'org'), await storeWebhook(storage, 'org')]
    const [one, two, far] = (await some(3, webhookId)) as [NewDelivery, NewDelivery, NewDelivery]
    const beside = aDelivery(one.eventId, another)
    await storage.deliveries.create([beside], someTime)
    const retry = (delivery: NewDelivery, ms: number) => anEnd(aStart(delivery), 503, { nextAttemptAt: later + ms })

    const first = await storage.deliveries.record([aHold(one), aHold(two), retry(far, 11 * minute)], later)
    const then = await storage.deliveries.record([retry(beside, 9 * minute)], later)
    const last = await storage.deliveries.record([{ ...retry(beside, 11 * minute), step: 2 }], later)

    expect(first.finishedEvents.toSorted()).toEqual([two.eventId, far.eventId].toSorted())
    expect(then.finishedEvents).toEqual([])
    expect(last.finishedEvents).toEqual([one.eventId])
  })

  it('get no job from a fan-out that is done again, nor does one that was tried', async () => {
    const webhookId = await storeWebhook(storage, 'org')
    const [waiting, kept, tried] = (await some(3, webhookId)) as [NewDelivery, NewDelivery, NewDelivery]
    await storage.deliveries.record([aHold(kept), anEnd(aStart(tried), 503)], later)

    expect(await storage.deliveries.create([waiting, kept, tried], later)).toMatchObject([{ id: waiting.id, batchId: null }])
  })
})
