import { describe, expect, it } from 'vitest'
import { startRelay, type RelayDeps } from '../../services/ingest/relay.ts'
import { startIngest } from '../../services/ingest/service.ts'
import { ingestSettings } from '../../services/ingest/settings.ts'
import { createApiKey, deliveryId, hashApiKey, jobId } from '../../shared/id.ts'
import { readJob } from '../../shared/queue.ts'
import { openVault } from '../../shared/secrets.ts'
import { readSettings } from '../../shared/settings.ts'
import type { NewEvent, Webhook } from '../../shared/storage/storage.ts'
import { aNewEvent, anEvent, aSubscription, aWebhook } from '../support/builders.ts'
import { eventually } from '../support/eventually.ts'
import { aDelivery, anEnd, aStart } from '../support/outcomes.ts'
import { useParts } from '../support/parts.ts'

const parts = useParts()

async function subscribed(count: number, organizationId = 'org'): Promise<Webhook[]> {
  const { storage } = parts()
  const webhooks = Array.from({ length: count }, () => aWebhook({ organizationId }))
  await Promise.all(webhooks.map((webhook) => storage.webhooks.create(webhook)))
  await Promise.all(webhooks.map(({ id: webhookId }) => storage.subscriptions.add(aSubscription({ organizationId, webhookId }))))
  return webhooks
}

/** As ingest leaves it when it dies right after the 202. */
async function accepted(event: NewEvent = aNewEvent({}, parts().clock.now() - 1)): Promise<NewEvent> {
  await parts().storage.events.accept({ events: [event], organizationId: 'org', now: event.receivedAt })
  return event
}

const relay = (more: Partial<RelayDeps> = {}) => parts().ending(startRelay({ ...parts(), ...more }))
const offered = ({ envelope, receivedAt }: NewEvent) => ({ envelope, data: '{"rows":3}', receivedAt })
const jobs = async () => Object.values(await parts().queue.counts()).reduce((sum, count) => sum + count, 0)
const rows = () =>
  parts()
    .storage.deliveries.count('org', undefined)
    .then(({ count }) => count)

/** Resolves when the event is marked, which comes last. */
const fannedOut = ({ envelope }: NewEvent) =>
  eventually(async () => {
    const event = await parts().storage.events.load(envelope.id)
    expect(event?.fannedOutAt).not.toBeNull()
    return event
  })

describe('the relay', () => {
  it('makes rows, a body and jobs of an event, and marks it', async () => {
    const [webhook] = (await subscribed(2)) as [Webhook, Webhook]
    const { offer } = relay()
    const event = await accepted()

    offer([offered(event)])

    expect(await fannedOut(event)).toMatchObject({ matched: 2 })
    expect([await rows(), await jobs()]).toEqual([2, 2])
    const id = deliveryId(event.envelope.id, webhook.id)
    const job = await parts().queue.bull.getJob(jobId(id, 0))
    expect(job && readJob(job)).toEqual({
      deliveryId: id,
      eventId: event.envelope.id,
      webhookId: webhook.id,
      generation: 0,
      step: 0,
    })
    expect(await parts().redis.get(parts().key.event(event.envelope.id))).toMatch(/\n\{"rows":3\}$/)
  })

  it('marks an event that nobody wants, and puts nothing into Redis for it', async () => {
    const { offer } = relay()
    const event = await accepted()

    offer([offered(event)])

    expect(await fannedOut(event)).toMatchObject({ matched: 0 })
    expect(await parts().redis.keys('*:event:*')).toEqual([])
  })

  it('plans the deliveries of an event on its way in: rows share its commit, and only the jobs are left to do', async () => {
    const [webhook] = (await subscribed(1)) as [Webhook]
    const { offer, plan } = relay()
    expect(plan([aNewEvent()]), 'before it has read the registry').toBeUndefined()
    offer([offered(await accepted())])
    await eventually(() => expect(plan([aNewEvent()])).toBeDefined())

    const event = aNewEvent({}, parts().clock.now())
    const planned = plan([event])
    const request = { events: [event], plan: planned, organizationId: 'org', now: event.receivedAt }
    expect(await parts().storage.events.accept(request)).toMatchObject({ kind: 'accepted', planned: true })
    const id = deliveryId(event.envelope.id, webhook.id)
    expect(await parts().storage.deliveries.stillOpen([id])).toMatchObject([{ id, webhookId: webhook.id, step: 0 }])
    expect(await parts().queue.bull.getJob(jobId(id, 0))).toBeUndefined()

    offer([{ ...offered(event), planned: planned?.deliveries }])

    expect(await fannedOut(event)).toMatchObject({ matched: 1 })
    expect(await parts().queue.bull.getJob(jobId(id, 0))).toBeDefined()
  })

  it('plans nothing for a webhook that takes batches, and nothing for a wide fan-out', async () => {
    const { storage } = parts()
    const batching = aWebhook({ organizationId: 'batching', batchSize: 10 })
    await storage.webhooks.create(batching)
    await storage.subscriptions.add(aSubscription({ organizationId: 'batching', webhookId: batching.id }))
    await subscribed(201, 'wide')
    await subscribed(1)
    const { offer, plan } = relay()
    offer([offered(await accepted())])
    await eventually(() => expect(plan([aNewEvent()])).toBeDefined())

    expect(plan([aNewEvent({ organizationId: 'batching' })])).toBeUndefined()
    expect(plan([aNewEvent({ organizationId: 'wide' })])).toBeUndefined()
    expect(plan([aNewEvent({ to: [batching.id] })])).toBeUndefined()
  })

  it('goes by a subscription that was committed before the event', async () => {
    const { offer } = relay()
    const before = await accepted()
    offer([offered(before)])
    await fannedOut(before)

    await subscribed(1)
    const after = await accepted()
    offer([offered(after)])

    expect(await fannedOut(after)).toMatchObject({ matched: 1 })
  })

  it('sends an event that names its webhook to that one alone, subscribed or not', async () => {
    await subscribed(3)
    const webhook = aWebhook()
    await parts().storage.webhooks.create(webhook)
    const event = await accepted(aNewEvent({ to: [webhook.id] }))

    relay()

    expect(await fannedOut(event)).toMatchObject({ matched: 1 })
    expect(await parts().queue.bull.getJob(jobId(deliveryId(event.envelope.id, webhook.id), 0))).toBeDefined()
  })

  it('fans one event out to 3,000 webhooks', async () => {
    await subscribed(3_000)
    const { offer } = relay()
    const event = await accepted()

    offer([offered(event)])

    expect(await fannedOut(event)).toMatchObject({ matched: 3_000 })
    expect([await rows(), await jobs()]).toEqual([3_000, 3_000])
    expect(await parts().redis.keys('*:event:*')).toHaveLength(1)
  })

  it('adds no job before all have lined up', async () => {
    const { storage, lanes, queue } = parts()
    const webhook = aWebhook({ order: 'webhook' })
    await storage.webhooks.create(webhook)
    await storage.subscriptions.add(aSubscription({ webhookId: webhook.id }))
    const done: string[] = []
    const enter = async (waiting: Parameters<typeof lanes.enter>[0]) => {
      done.push(done.includes('away') ? 'lined up' : 'away')
      if (done.at(-1) === 'away') throw new Error('Redis is away')
      await lanes.enter(waiting)
    }
    const add = async (deliveries: Parameters<typeof queue.add>[0]) => {
      done.push('added')
      await queue.add(deliveries)
    }
    const { offer } = relay({ lanes: { enter }, queue: { add } })
    const event = await accepted()

    offer([offered(event)])

    expect(await fannedOut(event)).toMatchObject({ matched: 1 })
    expect(done).toEqual(['away', 'lined up', 'added'])
  })

  it('fetches what it could not hold from SQL as soon as it has done the rest', async () => {
    const { storage, clock } = parts()
    const events = Array.from({ length: 12_500 }, () => aNewEvent({}, clock.now()))
    for (let at = 0; at < events.length; at += 500)
      await storage.events.accept({ events: events.slice(at, at + 500), organizationId: 'org', now: clock.now() })
    // blind to what is overdue: nothing but its own knowledge brings it there
    const notFannedOut: typeof storage.events.notFannedOut = async (before, limit) =>
      clock.now() - before > 5_000 ? [] : storage.events.notFannedOut(before + 1, limit)
    const { offer } = relay({ storage: { ...storage, events: { ...storage.events, notFannedOut } } })

    offer(events.map(offered))

    await eventually(async () => expect(await storage.events.notFannedOut(clock.now() + 1, 1)).toEqual([]), 30_000)
  })
})

describe('a relay that died', () => {
  it('after the 202: its heir does everything', async () => {
    await subscribed(2)
    const event = await accepted()

    relay()

    expect(await fannedOut(event)).toMatchObject({ matched: 2 })
    expect([await rows(), await jobs()]).toEqual([2, 2])
  })

  it('after the rows: its heir adds the jobs', async () => {
    const webhooks = await subscribed(2)
    const event = await accepted()
    await parts().storage.deliveries.create(
      webhooks.map(({ id }) => aDelivery(event.envelope.id, id)),
      parts().clock.now(),
    )

    relay()

    expect(await fannedOut(event)).toMatchObject({ matched: 2 })
    expect([await rows(), await jobs()]).toEqual([2, 2])
  })

  it('after some of the jobs: its heir adds the others', async () => {
    await subscribed(700)
    const event = await accepted()
    const { queue } = parts()
    const dying: RelayDeps['queue'] = {
      async add(deliveries) {
        await queue.add(deliveries.slice(0, 300))
        throw new Error('died')
      },
    }
    const first = startRelay({ ...parts(), queue: dying })
    await eventually(async () => expect(await jobs()).toBe(300))
    await first.stop()

    relay()

    expect(await fannedOut(event)).toMatchObject({ matched: 700 })
    expect([await rows(), await jobs()]).toEqual([700, 700])
  })

  it('before the mark: its heir repeats everything, and nothing is doubled', async () => {
    await subscribed(2)
    const event = await accepted()
    const { storage } = parts()
    const unmarked = { ...storage, events: { ...storage.events, markFannedOut: () => Promise.reject(new Error('died')) } }
    const first = startRelay({ ...parts(), storage: unmarked })
    await eventually(async () => expect(await jobs()).toBe(2))
    await first.stop()

    relay()

    expect(await fannedOut(event)).toMatchObject({ matched: 2 })
    expect([await rows(), await jobs()]).toEqual([2, 2])
  })

  it('before the mark: what was delivered meanwhile is not queued again', async () => {
    const [webhook] = (await subscribed(1)) as [Webhook]
    const event = await accepted()
    const delivery = aDelivery(event.envelope.id, webhook.id)
    await parts().storage.deliveries.create([delivery], parts().clock.now())
    const start = aStart(delivery)
    await parts().storage.deliveries.record([start, anEnd(start, 200)], parts().clock.now())

    relay()

    expect(await fannedOut(event)).toMatchObject({ matched: 1 })
    expect(await jobs()).toBe(0)
  })

  it('repeats what failed by itself, until it works', async () => {
    await subscribed(3)
    const { queue } = parts()
    let failures = 2
    const { offer } = relay({
      queue: {
        async add(deliveries) {
          if (failures-- > 0) throw new Error('Redis is away')
          await queue.add(deliveries)
        },
      },
    })
    const events = [await accepted(), await accepted()]

    offer(events.map(offered))

    for (const event of events) await fannedOut(event)
    expect([await rows(), await jobs()]).toEqual([6, 6])
  })
})

describe('ingest, while Redis is away', () => {
  it('answers 202, and delivers when Redis is back', async () => {
    const { storage, target, clock, log, server, ending } = parts()
    await subscribed(1, 'org')
    const key = createApiKey()
    await storage.keys.create(
      {
        id: 'key',
        organizationId: 'org',
        label: 'test',
        scopes: ['ingest'],
        createdAt: 0,
        expiresAt: null,
        lastUsedAt: null,
        rateLimit: null,
      },
      hashApiKey(key),
    )
    const masterKey = Buffer.alloc(32, 1)
    const settings = readSettings(ingestSettings, {
      REDIS_URL: target.url,
      DATABASE_URL: 'sqlite:elsewhere',
      MASTER_KEY: masterKey.toString('base64'),
    })
    const { app } = ending(await startIngest({ settings, storage, redis: target, vault: openVault(masterKey), log, clock }))
    await server.kill()

    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    const replies = await Promise.all(
      Array.from({ length: 20 }, async () => app.request('/events', { method: 'POST', headers, body: JSON.stringify(anEvent()) })),
    )

    expect(replies.map((reply) => reply.status)).toEqual(Array.from({ length: 20 }, () => 202))
    await server.restart()
    await eventually(async () => expect([await rows(), await jobs()]).toEqual([20, 20]))
  })
})
