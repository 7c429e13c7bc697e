import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { aNewEvent, someTime } from '../support/builders.ts'
import { storeWebhook } from '../support/log.ts'
import { aDelivery } from '../support/outcomes.ts'
import { dialects, type TestStorage } from '../support/storage.ts'

describe.each(dialects)('open deliveries on $name', (dialect) => {
  let opened: TestStorage
  beforeEach(async () => {
    opened = await dialect.open()
  })
  afterEach(() => opened.close())

  it('come page by page, each once, the earliest first, also where many are due at the same moment', async () => {
    const { storage } = opened
    const webhookId = await storeWebhook(storage, 'org')
    const expected: string[] = []
    for (const dueAt of [someTime, someTime, someTime + 10]) {
      const events = Array.from({ length: 3 }, () => aNewEvent())
      await storage.events.accept({ events, organizationId: 'org', now: dueAt })
      const deliveries = events.map((event) => aDelivery(event.envelope.id, webhookId))
      await storage.deliveries.create(deliveries, dueAt)
      expected.push(...deliveries.map(({ id }) => id))
    }

    const seen: string[] = []
    for (let after: Awaited<ReturnType<typeof storage.deliveries.dueBefore>>[number] | undefined; ; ) {
      const page = await storage.deliveries.dueBefore(someTime + 10, 2, after)
      seen.push(...page.map(({ id }) => id))
      after = page.at(-1)
      if (page.length < 2) break
    }

    expect(seen).toHaveLength(6)
    expect(new Set(seen)).toEqual(new Set(expected.slice(0, 6)))
    expect(
      (await storage.deliveries.dueBefore(someTime + 11, 100))
        .slice(-3)
        .map(({ id }) => id)
        .sort(),
    ).toEqual(expected.slice(6).sort())
  })
})
