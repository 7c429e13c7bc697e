import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Storage } from '../../shared/storage/storage.ts'
import { aNewEvent, aSubscription, aWebhook, someTime } from '../support/builders.ts'
import { aDelivery } from '../support/outcomes.ts'
import { dialects, type TestStorage } from '../support/storage.ts'

describe.each(dialects)('events accepted with the plan of their fan-out on $name', (dialect) => {
  let opened: TestStorage
  let storage: Storage
  beforeAll(async () => {
    opened = await dialect.open()
    storage = opened.storage
  })
  afterAll(() => opened.close())

  it('bring their deliveries into the same commit or leave all of them to be made, and a repeated event brings none', async () => {
    const webhook = aWebhook()
    await storage.webhooks.create(webhook)
    const known = { ...aNewEvent(), dedupKey: 'planned-once', bodyHash: 'same' }
    await storage.events.accept({ events: [known], organizationId: 'org', now: someTime })
    const fresh = aNewEvent({}, someTime)
    const again = { ...aNewEvent(), dedupKey: 'planned-once', bodyHash: 'same' }
    const deliveries = [fresh, again].map(({ envelope }) => aDelivery(envelope.id, webhook.id))
    const plan = { version: await storage.webhooks.registryVersion(), deliveries }

    const result = await storage.events.accept({ events: [fresh, again], plan, organizationId: 'org', now: someTime })

    const open = await storage.deliveries.stillOpen(deliveries.map(({ id }) => id))
    expect(result).toMatchObject({ kind: 'accepted', events: [{ duplicate: false }, { duplicate: true }] })
    const isPlanned = result.kind === 'accepted' && result.planned === true
    expect(open.map(({ eventId }) => eventId)).toEqual(isPlanned ? [fresh.envelope.id] : [])
  })

  it('bring none when the registry has changed since', async () => {
    const webhook = aWebhook()
    const plan = { version: await storage.webhooks.registryVersion(), deliveries: [] as ReturnType<typeof aDelivery>[] }
    await storage.webhooks.create(webhook)
    await storage.subscriptions.add(aSubscription({ webhookId: webhook.id }))
    const event = aNewEvent({}, someTime)
    plan.deliveries.push(aDelivery(event.envelope.id, webhook.id))

    const result = await storage.events.accept({ events: [event], plan, organizationId: 'org', now: someTime })

    expect(result.kind === 'accepted' && result.planned === true).toBe(false)
    expect(await storage.deliveries.stillOpen(plan.deliveries.map(({ id }) => id))).toEqual([])
  })
})
