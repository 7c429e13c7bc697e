import { describe, expect, it } from 'vitest'
import { anEvent, fast } from '../support/builders.ts'
import { useSystem } from '../support/consumers.ts'
import { eventually } from '../support/eventually.ts'

const { system, aConsumer, publish, logged } = useSystem()

describe('what the end of a delivery brings about', () => {
  it('a webhook that is triggered gets the event once the other has it, and the log says why', async () => {
    const after = await aConsumer()
    const first = await aConsumer({ triggers: [after.webhookId] })

    const eventId = await publish(first.type)

    const delivery = await logged(eventId, after, 'succeeded')
    expect(delivery).toMatchObject({ cause: { kind: 'trigger', webhook_id: first.webhookId }, subscription_ids: [] })
    const [own] = first.inbox.requests
    expect((after.inbox.requests[0]?.at ?? 0) >= (own?.at ?? Number.POSITIVE_INFINITY)).toBe(true)
  })

  it('is not triggered by a failure; then the fallback takes over, once the attempts are used up', async () => {
    const [after, fallback] = [await aConsumer(), await aConsumer()]
    const first = await aConsumer({ triggers: [after.webhookId], fallback: fallback.webhookId })
    first.inbox.reply(500)

    const eventId = await publish(first.type)

    const delivery = await logged(eventId, fallback, 'succeeded')
    expect(delivery.cause).toEqual({ kind: 'fallback', webhook_id: first.webhookId })
    expect(first.inbox.requests).toHaveLength(3)
    expect(after.inbox.requests).toEqual([])
  })

  it('one that subscribes to the same event gets it once', async () => {
    const after = await aConsumer()
    const first = await aConsumer({ triggers: [after.webhookId] })
    await system().api.subscribe(after.webhookId, first.type)

    const eventId = await publish(first.type)

    await logged(eventId, first, 'succeeded')
    await logged(eventId, after, 'succeeded')
    expect(after.inbox.requests.filter(({ id }) => id === eventId)).toHaveLength(1)
  })
})

describe('what Tidings tells of itself', () => {
  it('goes to who subscribes to it by name: a delivery that failed, but not one of such an event', async () => {
    const { api, receiver } = system()
    const watcher = receiver.at('/watcher')
    const { id } = await api.createWebhook({ url: watcher.url, retry: fast(0.01) })
    await api.subscribe(id, 'delivery.failed', '*')
    watcher.reply(500)
    const failing = await aConsumer()
    failing.inbox.reply(500)

    const eventId = await publish(failing.type)

    await logged(eventId, failing, 'failed')
    const told = await eventually(async () => {
      const found = watcher.requests.find(({ body }) => body.includes('delivery.failed') && body.includes(eventId))
      expect(found).toBeDefined()
      return found
    }, 25_000)
    expect(JSON.parse(told?.body ?? '')).toMatchObject({
      type: 'delivery.failed',
      data: { webhook_id: failing.webhookId, event_id: eventId, attempts: 3, status_code: 500 },
    })
    // its own deliveries fail too, and of those nothing is told
    const about = watcher.requests.filter(({ body }) => body.includes('"type":"delivery.failed"'))
    expect(about.every(({ body }) => (JSON.parse(body) as { data: { webhook_id: string } }).data.webhook_id !== id)).toBe(true)
  })

  it('that a webhook was switched off by a 410', async () => {
    const { api, receiver } = system()
    const watcher = receiver.at('/switched-off')
    const { id } = await api.createWebhook({ url: watcher.url })
    await api.subscribe(id, 'webhook.*')
    const gone = await aConsumer()
    gone.inbox.reply(410)

    await system().api.publish([anEvent({ type: gone.type })])

    const { body } = await eventually(async () => {
      const [first] = watcher.requests
      if (!first) throw new Error('not told yet')
      return first
    }, 25_000)
    expect(JSON.parse(body)).toMatchObject({ type: 'webhook.disabled', data: { webhook_id: gone.webhookId } })
  })
})
