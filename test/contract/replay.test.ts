import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deliveryId } from '../../shared/id.ts'
import { Problem } from '../../shared/problem.ts'
import type { NewDelivery, Storage } from '../../shared/storage/storage.ts'
import { aNewEvent, anId, fast, someTime } from '../support/builders.ts'
import { storeDelivery, storeWebhook } from '../support/log.ts'
import { dialects, type TestStorage } from '../support/storage.ts'

describe.each(dialects)('a replay on $name', (dialect) => {
  let opened: TestStorage
  let storage: Storage
  beforeAll(async () => {
    opened = await dialect.open()
    storage = opened.storage
  })
  afterAll(() => opened.close())

  const until = someTime + 1_000
  const now = until + 1

  async function storeEvent(organizationId: string, at: number, source = 'api'): Promise<string> {
    const event = aNewEvent({ organizationId, source }, at)
    await storage.events.accept({ events: [event], organizationId, now: at })
    await storage.events.markFannedOut([{ id: event.envelope.id, matched: 0 }], at)
    return event.envelope.id
  }
  const deliveryTo = (webhookId: string, organizationId: string, eventId: string): NewDelivery => ({
    id: deliveryId(eventId, webhookId),
    organizationId,
    eventId,
    webhookId,
    eventType: 'table.updated',
    subscriptionIds: ['s'],
    acceptedAt: someTime,
    batchId: null,
    lane: null,
    cause: null,
  })
  async function begin(organizationId: string, webhookId: string, filter: Parameters<Storage['replays']['count']>[0]['filter'] = null) {
    const wanted = { organizationId, since: someTime, until, filter }
    return storage.replays.create({ ...wanted, id: anId(), webhookId, events: await storage.replays.count(wanted) }, now)
  }

  it('gives the events of its range piece by piece, and knows which have a delivery', async () => {
    const webhookId = await storeWebhook(storage, 'range')
    await storeEvent('range', someTime - 1)
    const first = await storeEvent('range', someTime)
    const second = await storeEvent('range', someTime + 1)
    const { eventId: had } = await storeDelivery(storage, 'range', webhookId, 'succeeded', someTime + 2)
    await storeEvent('range', until)
    await storeEvent('elsewhere', someTime)

    const replay = await begin('range', webhookId)
    expect(replay).toMatchObject({ state: 'running', events: 3, examined: 0, deliveries: 0, reason: null })
    const piece = await storage.replays.next(replay.id, 2)
    expect(piece).toMatchObject([
      { envelope: { id: first }, receivedAt: someTime, delivered: false, matched: 0 },
      { envelope: { id: second }, delivered: false },
    ])
    const open = await storage.replays.advance(replay.id, { deliveries: [], examined: 2, last: piece[1] }, now)
    expect(open).toEqual([])
    expect(await storage.replays.next(replay.id, 2)).toMatchObject([{ envelope: { id: had }, delivered: true }])
    expect(await storage.replays.find('range', replay.id)).toMatchObject({ examined: 2, state: 'running' })

    await storage.replays.advance(replay.id, { deliveries: [], examined: 1, last: undefined }, now + 5)
    expect(await storage.replays.find('range', replay.id)).toMatchObject({ examined: 3, state: 'finished', updatedAt: now + 5 })
    expect(await storage.replays.running()).toEqual([])
  })

  it('makes a delivery that is not there yet, and counts it at its event and at itself', async () => {
    const webhookId = await storeWebhook(storage, 'makes')
    const eventId = await storeEvent('makes', someTime)
    const { eventId: had } = await storeDelivery(storage, 'makes', webhookId, 'failed', someTime + 1)
    const { id } = await begin('makes', webhookId)
    const both = [eventId, had].map((one) => deliveryTo(webhookId, 'makes', one))

    const open = await storage.replays.advance(id, { deliveries: both, examined: 2, last: undefined }, now)

    const made = { ...both[0], generation: 0, step: 0, nextAttemptAt: now, retry: fast(1) }
    expect(open).toEqual([made])
    expect(await storage.deliveries.ofEvent('makes', eventId, { limit: 5 })).toMatchObject([{ state: 'pending', subscriptionIds: ['s'] }])
    expect((await storage.events.find('makes', eventId))?.matched).toBe(1)
    expect((await storage.events.find('makes', had))?.matched).toBe(1)
    expect(await storage.replays.find('makes', id)).toMatchObject({ deliveries: 1, state: 'finished' })
    const ledger = await storage.ledger.read('makes', { from: someTime, to: until }, { limit: 5, after: undefined, most: 100 })
    expect(ledger).toMatchObject({ unbalanced: 0, accepted: 2 })
  })

  it('makes none once it is stopped, or when its webhook was removed for good', async () => {
    const webhookId = await storeWebhook(storage, 'stops')
    const eventId = await storeEvent('stops', someTime)
    const { id } = await begin('stops', webhookId)

    expect(await storage.replays.stop('other', id, now)).toBeUndefined()
    expect(await storage.replays.stop('stops', id, now + 1, 'why')).toMatchObject({ state: 'stopped', reason: 'why', updatedAt: now + 1 })
    expect(await storage.replays.stop('stops', id, now + 2)).toMatchObject({ state: 'stopped', reason: 'why', updatedAt: now + 1 })
    const step = { deliveries: [deliveryTo(webhookId, 'stops', eventId)], examined: 1, last: undefined }
    expect(await storage.replays.advance(id, step, now)).toEqual([])
    expect(await storage.deliveries.ofEvent('stops', eventId, { limit: 5 })).toEqual([])
  })

  it('is found, listed and the latest of its webhook, in its organization alone', async () => {
    const webhookId = await storeWebhook(storage, 'lists')
    const first = await begin('lists', webhookId)
    const second = await begin('lists', webhookId)

    expect(first).toMatchObject({ state: 'finished', events: 0 })
    expect((await storage.replays.list('lists', { limit: 5 })).map(({ id }) => id)).toEqual([second.id, first.id])
    expect(await storage.replays.latest('lists', webhookId)).toEqual(second)
    expect(await storage.replays.latest('other', webhookId)).toBeUndefined()
    expect(await storage.replays.find('other', first.id)).toBeUndefined()
    expect(await storage.replays.list('other', { limit: 5 })).toEqual([])
  })

  it('looks at what its filter leaves, and refuses one that cannot be', async () => {
    const webhookId = await storeWebhook(storage, 'filtered')
    await storeEvent('filtered', someTime, 'crm')
    const wanted = await storeEvent('filtered', someTime, 'catalog')

    const { id, events } = await begin('filtered', webhookId, { field: 'source', op: 'eq', value: 'catalog' })

    expect(events).toBe(1)
    expect((await storage.replays.next(id, 5)).map(({ envelope }) => envelope.id)).toEqual([wanted])
    await expect(begin('filtered', webhookId, { field: 'status', op: 'eq', value: 'x' })).rejects.toBeInstanceOf(Problem)
  })
})
