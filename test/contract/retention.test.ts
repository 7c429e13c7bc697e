import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { v7 } from 'uuid'
import { aNewEvent } from '../support/builders.ts'
import { storeWebhook } from '../support/log.ts'
import { aDelivery, aStart, anEnd } from '../support/outcomes.ts'
import { dialects, type TestStorage } from '../support/storage.ts'

const dayMs = 24 * 3_600_000
const now = Date.UTC(2026, 5, 10, 12)

describe.each(dialects)('what the log keeps on $name', (dialect) => {
  let opened: TestStorage
  beforeEach(async () => {
    opened = await dialect.open()
  })
  afterEach(() => opened.close())

  /** An event that came so many days ago, fanned out to one webhook, and its delivery brought as far as is said. */
  async function store(daysAgo: number, ending: 'waits' | 'open' | 'succeeded', dedupKey: string | null = null) {
    const { storage } = opened
    const at = now - daysAgo * dayMs
    // its id says when it came, as those that the service makes
    const event = { ...aNewEvent({ id: v7({ msecs: at }) }, at), dedupKey }
    await storage.events.accept({ events: [event], organizationId: 'org', idempotency: { key: event.envelope.id, bodyHash: '' }, now: at })
    if (ending === 'waits') return { event, id: '' }
    const webhookId = await storeWebhook(storage, 'org')
    const delivery = { ...aDelivery(event.envelope.id, webhookId), acceptedAt: at }
    await storage.deliveries.create([delivery], at)
    await storage.events.markFannedOut([{ id: event.envelope.id, matched: 1 }], at)
    const start = aStart(delivery, { at })
    if (ending === 'succeeded') await storage.deliveries.record([start, anEnd(start, 200)], at)
    return { event, id: delivery.id }
  }

  async function pruneAll(before: number) {
    const sum = { events: 0, deliveries: 0, attempts: 0 }
    for (let more = true; more; ) {
      const pruned = await opened.storage.retention.prune(before)
      for (const name of ['events', 'deliveries', 'attempts'] as const) sum[name] += pruned[name]
      more = pruned.more
    }
    return sum
  }

  it('is not what is too old, with all that belongs to it, and all that is younger', async () => {
    const { storage } = opened
    const [old, older, young] = [await store(100, 'succeeded', 'a'), await store(120, 'succeeded'), await store(1, 'succeeded', 'b')]
    await storage.retention.prepare(now)
    expect(await pruneAll(now - 90 * dayMs)).toEqual({ events: 2, deliveries: 2, attempts: 2 })

    for (const { event, id } of [old, older]) {
      expect(await storage.events.load(event.envelope.id)).toBeUndefined()
      expect(await storage.deliveries.find('org', id)).toBeUndefined()
    }
    expect(await storage.deliveries.find('org', young.id)).toMatchObject({ delivery: { state: 'succeeded' }, attempts: [{ number: 1 }] })
    expect(await pruneAll(now - 90 * dayMs)).toEqual({ events: 0, deliveries: 0, attempts: 0 })

    // what was forgotten is news when it comes again, what is kept is not
    const again = (key: string) =>
      storage.events.accept({ events: [{ ...aNewEvent(), dedupKey: key, bodyHash: 'x' }], organizationId: 'org', now })
    expect(await again('a')).toMatchObject({ kind: 'accepted', events: [{ duplicate: false }] })
    expect(await again('b')).toMatchObject({ kind: 'conflict', id: young.event.envelope.id })
  })

  it('is what has still a way to go, however old', async () => {
    const { storage } = opened
    const [waiting, open] = [await store(100, 'waits'), await store(200, 'open')]
    await storage.retention.prepare(now)
    expect(await pruneAll(now - 90 * dayMs)).toEqual({ events: 0, deliveries: 0, attempts: 0 })
    expect(await storage.events.load(waiting.event.envelope.id)).toBeDefined()

    const start = aStart({ ...aDelivery(open.event.envelope.id, 'any'), id: open.id }, { at: now })
    await storage.deliveries.record([start, anEnd(start, 200)], now)
    expect(await pruneAll(now - 90 * dayMs)).toEqual({ events: 1, deliveries: 1, attempts: 1 })
    expect(await storage.events.load(waiting.event.envelope.id)).toBeDefined()
  })
})
