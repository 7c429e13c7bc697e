import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Ledger } from '../../shared/storage/ledger.ts'
import type { Storage } from '../../shared/storage/storage.ts'
import { aNewEvent, someTime } from '../support/builders.ts'
import { storeDelivery, storeWebhook } from '../support/log.ts'
import { aDelivery, aStart, anEnd } from '../support/outcomes.ts'
import { dialects, type TestStorage } from '../support/storage.ts'

const range = { from: someTime, to: someTime + 1_000 }
const page = { most: 100, limit: 10 }
const none = { pending: 0, retrying: 0, succeeded: 0, failed: 0, cancelled: 0 }

describe.each(dialects)('the ledger on $name', (dialect) => {
  let opened: TestStorage
  let storage: Storage
  beforeAll(async () => {
    opened = await dialect.open()
    storage = opened.storage
  })
  afterAll(() => opened.close())

  const read = (organizationId: string, more: Partial<Parameters<Storage['ledger']['read']>[2]> = {}) =>
    storage.ledger.read(organizationId, range, { ...page, ...more })

  /** An event in an organization of its own, fanned out to as many webhooks as are named, each brought to its end. */
  async function eventWith(
    organizationId: string,
    endings: ('pending' | 'failed' | 'succeeded' | 'cancelled')[],
    matched: number | undefined,
  ) {
    const event = aNewEvent({ organizationId }, someTime)
    await storage.events.accept({ events: [event], organizationId, now: someTime })
    for (const [i, ending] of endings.entries()) {
      const delivery = { ...aDelivery(event.envelope.id, `webhook ${i}`), organizationId }
      await storage.deliveries.create([delivery], someTime)
      const start = aStart(delivery)
      if (ending === 'succeeded') await storage.deliveries.record([start, anEnd(start, 200)], someTime)
      if (ending === 'failed')
        await storage.deliveries.record([start, anEnd(start, 500, { state: 'failed', nextAttemptAt: null })], someTime)
      if (ending === 'cancelled') {
        const gone = {
          kind: 'cancelled' as const,
          deliveryId: delivery.id,
          webhookId: delivery.webhookId,
          generation: 0,
          at: someTime,
          reason: 'gone',
        }
        await storage.deliveries.record([gone], someTime)
      }
    }
    if (matched !== undefined) await storage.events.markFannedOut([{ id: event.envelope.id, matched }], someTime)
    return event.envelope.id
  }

  const placeOf = ({ pending, matchedNothing, failed, delivered, cancelled }: Ledger) =>
    Object.entries({ pending, matchedNothing, failed, delivered, cancelled })
      .filter(([, count]) => count > 0)
      .map(([name]) => name)
      .join()

  it.each([
    ['not fanned out', [], undefined, 'pending'],
    ['wanted by nobody', [], 0, 'matchedNothing'],
    ['with one open delivery among failed ones', ['failed', 'pending'], 2, 'pending'],
    ['with one failed delivery among others', ['succeeded', 'failed', 'cancelled'], 3, 'failed'],
    ['delivered to all', ['succeeded', 'succeeded'], 2, 'delivered'],
    ['delivered to all that were not cancelled', ['succeeded', 'cancelled'], 2, 'delivered'],
    ['cancelled for all', ['cancelled'], 1, 'cancelled'],
  ] as const)('an event %s stands in one place', async (name, endings, matched, place) => {
    await eventWith(name, [...endings], matched)

    const ledger = await read(name)

    expect(ledger).toMatchObject({ accepted: 1, unbalanced: 0, imbalances: [], notFannedOut: matched === undefined ? 1 : 0 })
    expect(placeOf(ledger)).toBe(place)
    expect(Object.values(ledger.deliveries).reduce((a, b) => a + b)).toBe(endings.length)
  })

  it.each([
    ['that lacks deliveries', ['succeeded'], 2, 'deliveries_missing'],
    ['that matched and has no delivery', [], 1, 'deliveries_missing'],
    ['with more deliveries than matches', ['succeeded', 'pending'], 1, 'deliveries_unexpected'],
  ] as const)('names an event %s', async (name, endings, matched, reason) => {
    const eventId = await eventWith(name, [...endings], matched)

    const ledger = await read(name)

    expect(ledger.unbalanced).toBe(1)
    expect(ledger.imbalances).toEqual([{ eventId, receivedAt: someTime, reason, matched, deliveries: endings.length }])
  })

  it('does not take deliveries that another webhook caused for matches', async () => {
    const organizationId = 'caused'
    const eventId = await eventWith(organizationId, ['succeeded'], 1)
    const cause = { kind: 'trigger' as const, webhookId: 'webhook 0' }
    await storage.deliveries.create([{ ...aDelivery(eventId, 'triggered'), organizationId, cause }], someTime)

    expect(await read(organizationId)).toMatchObject({ unbalanced: 0, pending: 1, deliveries: { ...none, succeeded: 1, pending: 1 } })
  })

  it('counts only what its organization accepted within the range, and reads a long one in pieces', async () => {
    const webhook = await storeWebhook(storage, 'ranged')
    for (const at of [-1, 0, 0, 1, 5, 999, 1_000]) await storeDelivery(storage, 'ranged', webhook, 'succeeded', someTime + at)

    expect(await read('ranged')).toMatchObject({ accepted: 5, delivered: 5, readTo: range.to })
    const first = await read('ranged', { most: 1 })
    expect(first).toMatchObject({ accepted: 2, readTo: someTime + 1 })
    const second = await storage.ledger.read('ranged', { from: first.readTo, to: range.to }, { ...page, most: 2 })
    expect(second).toMatchObject({ accepted: 2, readTo: someTime + 999 })
    expect(await read('nobody')).toMatchObject({ accepted: 0, deliveries: none, readTo: range.to })
  })

  it('names what does not add up page by page', async () => {
    const ids: string[] = []
    for (let i = 0; i < 3; i++) ids.push(await eventWith('paged', [], 1))

    const first = await read('paged', { limit: 2 })
    const second = await read('paged', { limit: 2, after: first.imbalances[1] })

    expect(first).toMatchObject({ accepted: 3, unbalanced: 3 })
    expect([...first.imbalances, ...second.imbalances].map(({ eventId }) => eventId)).toEqual(ids.sort())
  })
})
