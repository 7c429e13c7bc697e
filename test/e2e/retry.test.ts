import { describe, expect, it } from 'vitest'
import { anEvent, fast } from '../support/builders.ts'
import { useSystem } from '../support/consumers.ts'
import { eventually } from '../support/eventually.ts'
import { isSignedWith } from '../support/receiver.ts'

const { system, aConsumer, publish, logged } = useSystem()

describe('a delivery that fails', () => {
  it('is tried again until it succeeds, with every attempt in the log and the same id on the wire', async () => {
    const consumer = await aConsumer()
    consumer.inbox.reply(500, { status: 503, body: 'later' }, 200)

    const eventId = await publish(consumer.type)

    const delivery = await logged(eventId, consumer, 'succeeded')
    expect(delivery.attempt_log.map(({ number, outcome, response }) => [number, outcome, response?.status_code])).toEqual([
      [1, 'rejected', 500],
      [2, 'rejected', 503],
      [3, 'succeeded', 200],
    ])
    expect(delivery.attempt_log[1]).toMatchObject({ decision: 'answered 503; next attempt by schedule', response: { body: 'later' } })
    expect(new Set(consumer.inbox.requests.map((request) => request.id))).toEqual(new Set([eventId]))
    expect(consumer.inbox.requests.every((request) => isSignedWith(consumer.secret, request))).toBe(true)
  })

  it('fails for good when its schedule is used up, and the webhook shows it', async () => {
    const consumer = await aConsumer()
    consumer.inbox.reply(500)

    const eventId = await publish(consumer.type)

    const delivery = await logged(eventId, consumer, 'failed')
    expect(delivery).toMatchObject({ attempts: 3, reason: 'answered 500; attempt 3 of 3 was the last', next_attempt_at: null })
    expect(consumer.inbox.requests).toHaveLength(3)
    expect(await system().api.webhook(consumer.webhookId)).toMatchObject({
      status: 'failing',
      failure_details: { last_failed_status_code: 500, last_failed_reason: 'answered 500', next_attempt: null },
    })
  })

  it('keeps to an explicit schedule', async () => {
    const consumer = await aConsumer({ retry: fast(0.3, 1.2) })
    consumer.inbox.reply(500)

    const eventId = await publish(consumer.type)

    await logged(eventId, consumer, 'failed')
    const [first, second, third] = consumer.inbox.requests.map((request) => request.at) as [number, number, number]
    expect(second - first).toBeGreaterThanOrEqual(290)
    expect(third - second).toBeGreaterThanOrEqual(1_190)
  })

  it('waits as long as Retry-After asks', async () => {
    const consumer = await aConsumer()
    consumer.inbox.reply({ status: 429, headers: { 'retry-after': '2' } }, 200)

    const eventId = await publish(consumer.type)

    const delivery = await logged(eventId, consumer, 'succeeded')
    expect(delivery.attempt_log[0]?.decision).toBe('answered 429; next attempt by Retry-After')
    const [first, second] = consumer.inbox.requests.map((request) => request.at) as [number, number]
    expect(second - first).toBeGreaterThanOrEqual(1_950)
  })

  it('is tried again after a receiver that hangs, at the end of the timeout', async () => {
    const consumer = await aConsumer({ timeout_ms: 1_000 })
    consumer.inbox.reply('hang', 'reset', 200)

    const eventId = await publish(consumer.type)

    const delivery = await logged(eventId, consumer, 'succeeded')
    expect(delivery.attempt_log.map(({ outcome, error }) => [outcome, error])).toEqual([
      ['timed_out', 'no answer within 1000 ms'],
      ['unreachable', 'connection reset'],
      ['succeeded', null],
    ])
  })
})

describe('a redelivery', () => {
  it('sends a delivery again: a new generation in the log, the same id on the wire', async () => {
    const consumer = await aConsumer({ retry: fast() })
    consumer.inbox.reply(500, 200)
    const eventId = await publish(consumer.type)
    const failed = await logged(eventId, consumer, 'failed')

    const opened = await system().api.redeliver(failed.id)

    expect(opened).toMatchObject({ id: failed.id, generation: 1 })
    const delivery = await logged(eventId, consumer, 'succeeded')
    expect(delivery.attempt_log.map(({ number, generation, outcome }) => [number, generation, outcome])).toEqual([
      [1, 0, 'rejected'],
      [2, 1, 'succeeded'],
    ])
    expect(consumer.inbox.requests.map((request) => request.id)).toEqual([eventId, eventId])
  })

  it('can be had of a delivery that had succeeded, as often as wanted', async () => {
    const consumer = await aConsumer()
    const eventId = await publish(consumer.type)
    const { id } = await logged(eventId, consumer, 'succeeded')

    for (let generation = 1; generation <= 3; generation++) {
      await system().api.redeliver(id)
      await consumer.inbox.request(generation + 1)
      await eventually(async () =>
        expect(await system().api.delivery(id)).toMatchObject({ status: 'succeeded', generation, attempts: generation + 1 }),
      )
    }
  })

  it('sends again all that match a filter, and nothing else', async () => {
    const consumer = await aConsumer({ retry: fast() })
    consumer.inbox.reply(200, 500)
    const succeeded = await publish(consumer.type)
    await logged(succeeded, consumer, 'succeeded')
    const ids = await system().api.publish(Array.from({ length: 25 }, () => anEvent({ type: consumer.type })))
    for (const id of ids) await logged(id, consumer, 'failed')
    consumer.inbox.reply(200)

    const isOurs = { field: 'webhook_id', op: 'eq', value: consumer.webhookId } as const
    const { id, matched } = await system().api.redeliverAll({ and: [isOurs, { field: 'status', op: 'eq', value: 'failed' }] })

    expect(matched).toBe(25)
    for (const eventId of ids) await logged(eventId, consumer, 'succeeded')
    await eventually(async () => expect(await system().api.redelivery(id)).toMatchObject({ status: 'finished', redelivered: 25 }))
    expect(consumer.inbox.requests).toHaveLength(51)
    expect(consumer.inbox.requests.filter((request) => request.id === succeeded)).toHaveLength(1)
  })
})
