import { describe, expect, it } from 'vitest'
import { fast } from '../support/builders.ts'
import { useSystem } from '../support/consumers.ts'
import { eventually } from '../support/eventually.ts'
import { isSignedWith } from '../support/receiver.ts'

const { system, aConsumer, publish, logged } = useSystem()

describe('a webhook', () => {
  it('that answers 410 is disabled, and what was under way for it is cancelled', async () => {
    const consumer = await aConsumer({ retry: fast(3) })
    consumer.inbox.reply(500, 410)
    const earlier = await publish(consumer.type)
    await logged(earlier, consumer, 'retrying')

    const gone = await publish(consumer.type)

    expect(await logged(gone, consumer, 'cancelled')).toMatchObject({ reason: 'the receiver answered 410 Gone' })
    expect(await system().api.webhook(consumer.webhookId)).toMatchObject({
      active: false,
      status: 'disabled',
      disabled_reason: 'the receiver answered 410 Gone',
    })
    expect(await logged(earlier, consumer, 'cancelled')).toMatchObject({
      reason: 'the webhook is disabled: the receiver answered 410 Gone',
    })
    expect(consumer.inbox.requests).toHaveLength(2)
  })

  it('signs with both secrets while they are rotated', async () => {
    const consumer = await aConsumer()
    await publish(consumer.type)
    await consumer.inbox.request(1)

    const rotated = await system().api.rotateSecret(consumer.webhookId, 3_600)
    await publish(consumer.type)

    const request = await consumer.inbox.request(2)
    expect(rotated.secret).not.toBe(consumer.secret)
    expect(isSignedWith(consumer.secret, request)).toBe(true)
    expect(isSignedWith(rotated.secret, request)).toBe(true)
  })

  it('signs with the new secret alone where there is no overlap', async () => {
    const consumer = await aConsumer()
    await publish(consumer.type)
    await consumer.inbox.request(1)

    const rotated = await system().api.rotateSecret(consumer.webhookId, 0)
    await publish(consumer.type)

    const request = await consumer.inbox.request(2)
    expect(isSignedWith(consumer.secret, request)).toBe(false)
    expect(isSignedWith(rotated.secret, request)).toBe(true)
  })

  it('gets headers of its own, whose values no log shows', async () => {
    const consumer = await aConsumer({ headers: { authorization: 'Bearer of-the-receiver', 'X-Team': 'sales' } })

    const eventId = await publish(consumer.type)

    expect((await consumer.inbox.request(1)).headers).toMatchObject({ authorization: 'Bearer of-the-receiver', 'x-team': 'sales' })
    const delivery = await logged(eventId, consumer, 'succeeded')
    expect(delivery.attempt_log[0]?.request?.headers).toMatchObject({ authorization: '[hidden]', 'x-team': '[hidden]' })
    expect(JSON.stringify([delivery, await system().api.webhook(consumer.webhookId)])).not.toMatch(/of-the-receiver|"sales"/)
  })

  it('that is moved gets the very next attempt at its new URL', async () => {
    const consumer = await aConsumer({ retry: fast(3) })
    const moved = system().receiver.at(`${new URL(consumer.inbox.url).pathname}/moved`)
    consumer.inbox.reply(500)
    const first = await publish(consumer.type)
    await consumer.inbox.request(1)

    await system().api.patchWebhook(consumer.webhookId, { url: moved.url })
    const second = await publish(consumer.type)

    await moved.seen([second])
    await moved.seen([first])
    expect(consumer.inbox.requests).toHaveLength(1)
  })

  it('that is removed has its open deliveries cancelled, and gets nothing more', async () => {
    const [consumer, witness] = [await aConsumer({ retry: fast(2) }), await aConsumer({ retry: fast(2) })]
    for (const { inbox } of [consumer, witness]) inbox.reply(500)
    const eventId = await publish(consumer.type)
    const { id } = await logged(eventId, consumer, 'retrying')

    await system().api.removeWebhook(consumer.webhookId)

    expect(await system().api.delivery(id)).toMatchObject({ status: 'cancelled', reason: 'webhook removed' })
    // the second attempt of a delivery that began later comes when that of the cancelled one would long have come
    await publish(witness.type)
    await witness.inbox.request(2)
    expect(consumer.inbox.requests).toHaveLength(1)
    expect(await system().api.delivery(id)).toMatchObject({ status: 'cancelled', reason: 'webhook removed', attempts: 1 })
  })

  it('can be sent a test event, which is signed and logged like any other', async () => {
    const consumer = await aConsumer()

    const { event_id, delivery_id } = await system().api.testWebhook(consumer.webhookId)

    const request = await consumer.inbox.request(1)
    expect(request.id).toBe(event_id)
    expect(isSignedWith(consumer.secret, request)).toBe(true)
    expect(JSON.parse(request.body)).toMatchObject({ type: 'webhook.test', data: { webhook_id: consumer.webhookId } })
    await eventually(async () =>
      expect(await system().api.delivery(delivery_id)).toMatchObject({ status: 'succeeded', event_type: 'webhook.test' }),
    )
  })
})
