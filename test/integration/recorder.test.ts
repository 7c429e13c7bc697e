import { beforeEach, describe, expect, it } from 'vitest'
import { startRecorder } from '../../services/status/record.ts'
import type { OutcomeEntry } from '../../shared/contracts/delivery.ts'
import type { NewDelivery, Storage } from '../../shared/storage/storage.ts'
import { encodeOutcome } from '../../shared/transport.ts'
import { anId, aWebhook, someTime } from '../support/builders.ts'
import { eventually } from '../support/eventually.ts'
import { aDelivery, anEnd, aStart } from '../support/outcomes.ts'
import { useParts } from '../support/parts.ts'

const parts = useParts()
const webhook = aWebhook()
beforeEach(() => parts().storage.webhooks.create(webhook))

async function someDeliveries(count: number): Promise<NewDelivery[]> {
  const deliveries = Array.from({ length: count }, () => aDelivery(anId(), webhook.id))
  await parts().storage.deliveries.create(deliveries, someTime)
  return deliveries
}
const oneDelivery = async () => (await someDeliveries(1))[0] as NewDelivery

async function report(...entries: OutcomeEntry[]): Promise<void> {
  const { redis, key } = parts()
  const pipeline = redis.pipeline()
  for (const entry of entries) pipeline.xadd(key.outcomes, '*', ...encodeOutcome(entry))
  await pipeline.exec()
}

function record(consumer = 'one', storage = parts().storage) {
  const { connect, redis, bodies, queue, clock, log, target, ending } = parts()
  return ending(startRecorder({ redis: connect(), prefix: target.prefix, storage, bodies, queue, announce: redis, consumer, clock, log }))
}

/** A database that fails once. */
function hiccuping(): Storage {
  const { storage } = parts()
  let isFirst = true
  const recordOrFail: Storage['deliveries']['record'] = async (...args) => {
    if (!isFirst) return storage.deliveries.record(...args)
    isFirst = false
    throw new Error('the disk is busy')
  }
  return { ...storage, deliveries: { ...storage.deliveries, record: recordOrFail } }
}

/** Resolves when everything was recorded, acknowledged and deleted. */
const allRecorded = () => eventually(async () => expect(await parts().redis.xlen(parts().key.outcomes)).toBe(0))

const tally = () => parts().storage.deliveries.tally('org', { from: 0, to: Number.MAX_SAFE_INTEGER })

async function found({ id }: NewDelivery) {
  const delivery = await parts().storage.deliveries.find('org', id)
  if (!delivery) throw new Error('no such delivery')
  return delivery
}

describe('the recorder', () => {
  it('moves starts and ends into the log and leaves nothing in Redis', async () => {
    const delivery = await oneDelivery()
    const start = aStart(delivery)
    record()

    await report(start, anEnd(start, 200))

    await allRecorded()
    const { delivery: row, attempts } = await found(delivery)
    expect(row).toMatchObject({ state: 'succeeded', attempts: 1, lastOutcome: 'succeeded', lastStatusCode: 200, nextAttemptAt: null })
    expect(attempts).toMatchObject([{ id: start.attemptId, number: 1, outcome: 'succeeded', statusCode: 200 }])
    expect((await parts().redis.xpending(parts().key.outcomes, 'log'))[0]).toBe(0)
  })

  it('takes what was reported before it was started', async () => {
    const delivery = await oneDelivery()
    const start = aStart(delivery)
    await report(start, anEnd(start, 503))

    record()

    await allRecorded()
    expect((await found(delivery)).delivery).toMatchObject({ state: 'retrying', attempts: 1, nextAttemptAt: someTime + 60_000 })
  })

  it('absorbs a batch that comes twice', async () => {
    const delivery = await oneDelivery()
    const [first, second] = [aStart(delivery), aStart(delivery, { at: someTime + 60_000 })]
    const entries = [first, anEnd(first, 500), second, anEnd(second, 200, { step: 2 })]
    record()

    await report(...entries, ...entries)
    await allRecorded()
    await report(...entries)
    await allRecorded()

    const { delivery: row, attempts } = await found(delivery)
    expect(row).toMatchObject({ state: 'succeeded', attempts: 2, step: 2 })
    expect(attempts.map(({ id, number }) => [id, number])).toEqual([
      [first.attemptId, 1],
      [second.attemptId, 2],
    ])
  })

  it('knows an attempt by its end alone, should the start be lost', async () => {
    const delivery = await oneDelivery()
    record()

    await report(anEnd(aStart(delivery), 200))

    await allRecorded()
    expect(await found(delivery)).toMatchObject({
      delivery: { state: 'succeeded', attempts: 1 },
      attempts: [{ number: 1, outcome: 'succeeded' }],
    })
  })

  it('does not mind a start that comes after the end', async () => {
    const delivery = await oneDelivery()
    const start = aStart(delivery)
    record()

    await report(anEnd(start, 200), start)

    await allRecorded()
    expect(await found(delivery)).toMatchObject({ delivery: { state: 'succeeded', attempts: 1 }, attempts: [{ outcome: 'succeeded' }] })
  })

  it('never takes a success back, whatever comes late', async () => {
    const delivery = await oneDelivery()
    const [late, last] = [aStart(delivery), aStart(delivery, { at: someTime + 1 })]
    record()

    await report(last, anEnd(last, 200))
    await allRecorded()
    await report(late, anEnd(late, 500), {
      kind: 'cancelled',
      deliveryId: delivery.id,
      webhookId: webhook.id,
      generation: 0,
      at: someTime,
      reason: 'late',
    })
    await allRecorded()

    const { delivery: row, attempts } = await found(delivery)
    expect(row).toMatchObject({ state: 'succeeded', lastOutcome: 'succeeded', reason: null, attempts: 2 })
    expect(attempts.map((attempt) => attempt.outcome).sort()).toEqual(['rejected', 'succeeded'])
  })

  it('does not let an older generation move a delivery that was opened again', async () => {
    const delivery = await oneDelivery()
    const [first, older] = [aStart(delivery), aStart(delivery, { at: someTime + 1 })]
    record()
    await report(first, anEnd(first, 500, { state: 'failed', nextAttemptAt: null }))
    await allRecorded()
    await parts().storage.deliveries.redeliver('org', delivery.id, someTime)

    await report(older, anEnd(older, 500, { state: 'failed', nextAttemptAt: null }))

    await allRecorded()
    expect((await found(delivery)).delivery).toMatchObject({ state: 'pending', generation: 1 })
  })

  it('takes an attempt for interrupted when the next one begins without its end, and corrects itself when the end comes', async () => {
    const delivery = await oneDelivery()
    const [first, second] = [aStart(delivery), aStart(delivery, { at: someTime + 5_000 })]
    record()

    await report(first, second)
    await allRecorded()
    expect((await found(delivery)).attempts.map((attempt) => attempt.outcome)).toEqual(['interrupted', null])
    await report(anEnd(first, 200))
    await allRecorded()

    expect(await found(delivery)).toMatchObject({
      delivery: { state: 'succeeded' },
      attempts: [{ outcome: 'succeeded' }, { outcome: null }],
    })
  })

  it('takes what was told together: starts, ends, and both in one entry of the stream', async () => {
    const { redis, key } = parts()
    const starts = (await someDeliveries(900)).map((delivery) => aStart(delivery))
    const ends = starts.map((start) => anEnd(start, 200))
    const together = [starts.slice(0, 400), ends.slice(0, 300), [...starts.slice(400), ...ends.slice(300, 600)], ends.slice(600)]
    const open = aStart(await oneDelivery())
    for (const entries of [...together, [open]]) await redis.xadd(key.outcomes, '*', 'o', JSON.stringify(entries))

    record()

    await allRecorded()
    expect(await tally()).toMatchObject({ attempts: 901, states: { succeeded: 900, pending: 1 } })
    expect((await found({ id: open.deliveryId } as NewDelivery)).attempts).toMatchObject([{ id: open.attemptId, outcome: null }])
  })

  it('disables a webhook that is gone and tells the dispatchers', async () => {
    const delivery = await oneDelivery()
    const start = aStart(delivery)
    record()

    await report(
      start,
      anEnd(start, 410, { state: 'cancelled', nextAttemptAt: null, disableWebhook: true, decision: 'the receiver answered 410 Gone' }),
    )

    await allRecorded()
    expect(await parts().storage.webhooks.load(webhook.id)).toMatchObject({
      active: false,
      disabledReason: 'the receiver answered 410 Gone',
    })
    await eventually(async () => expect(await parts().redis.get(parts().key.registry)).toEqual(expect.any(String)))
  })

  it('unlinks the body of an event when its last delivery has ended, and not before', async () => {
    const other = aWebhook()
    await parts().storage.webhooks.create(other)
    const eventId = anId()
    const deliveries = [aDelivery(eventId, webhook.id), aDelivery(eventId, other.id)] as const
    await parts().storage.deliveries.create([...deliveries], someTime)
    const body = parts().key.event(eventId)
    await parts().redis.set(body, 'body')
    const [first, second] = [aStart(deliveries[0]), aStart(deliveries[1])]
    record()

    await report(first, anEnd(first, 200))
    await allRecorded()
    expect(await parts().redis.exists(body)).toBe(1)
    await report(second, anEnd(second, 200))

    await eventually(async () => expect(await parts().redis.exists(body)).toBe(0))
  })
})

describe('several recorders, and dead ones', () => {
  it('record everything exactly once when two run side by side', async () => {
    const deliveries = await someDeliveries(1_500)
    const starts = deliveries.map((delivery) => aStart(delivery))
    await report(...starts.slice(0, 750).flatMap((start) => [start, anEnd(start, 200)]))
    record('one')
    record('two')

    await report(...starts.slice(750).flatMap((start) => [start, anEnd(start, 200)]))

    await allRecorded()
    expect(await tally()).toMatchObject({ attempts: 1_500, states: { succeeded: 1_500, pending: 0 } })
  })

  it('takes over what a dead one had committed and not acknowledged, which changes nothing', async () => {
    const delivery = await oneDelivery()
    const start = aStart(delivery)
    const entries = [start, anEnd(start, 200)]
    await report(...entries)
    await taken('dead')
    await parts().storage.deliveries.record(entries, someTime)

    record('heir')

    await allRecorded()
    expect(await found(delivery)).toMatchObject({ delivery: { state: 'succeeded', attempts: 1 }, attempts: [{ number: 1 }] })
  })

  it('takes over what a dead one had only read', async () => {
    const delivery = await oneDelivery()
    const start = aStart(delivery)
    await report(start, anEnd(start, 200))
    await taken('dead')

    record('heir')

    await allRecorded()
    expect((await found(delivery)).delivery).toMatchObject({ state: 'succeeded', attempts: 1 })
  })

  it('takes over all that a dead one had read at once, however much that is', async () => {
    const starts = (await someDeliveries(350)).map((delivery) => aStart(delivery))
    await report(...starts, ...starts.map((start) => anEnd(start, 200)))
    await taken('dead')

    record('heir')

    await allRecorded()
    expect(await tally()).toMatchObject({ attempts: 350, states: { succeeded: 350, pending: 0 } })
  })

  it('repeats a part that failed while the next one was under way, and takes nothing back with it', async () => {
    const retried = await oneDelivery()
    const [first, second] = [aStart(retried), aStart(retried, { at: someTime + 60_000 })]
    const starts = (await someDeliveries(600)).map((delivery) => aStart(delivery))
    const rest = starts.flatMap((start) => [start, anEnd(start, 200)])
    await report(first, anEnd(first, 500), ...rest, second, anEnd(second, 500, { step: 2, nextAttemptAt: someTime + 90_000 }))

    record('one', hiccuping())

    await allRecorded()
    expect(await tally()).toMatchObject({ attempts: 602, states: { succeeded: 600, retrying: 1 } })
    expect((await found(retried)).delivery).toMatchObject({ state: 'retrying', step: 2, attempts: 2, nextAttemptAt: someTime + 90_000 })
  })

  it('leaves what another one has in hand alone when it failed itself', async () => {
    const { redis, key } = parts()
    const starts = (await someDeliveries(20)).map((delivery) => aStart(delivery))
    await report(...starts.slice(0, 10).map((start) => anEnd(start, 200)))
    await taken('alive', 0)
    await report(...starts.slice(10).map((start) => anEnd(start, 200)))

    record('one', hiccuping())

    await eventually(async () => expect(await redis.xlen(key.outcomes)).toBe(10))
    expect((await redis.xpending(key.outcomes, 'log'))[3]).toEqual([['alive', '10']])
  })

  it('goes on after Redis was wiped under it', async () => {
    const delivery = await oneDelivery()
    const start = aStart(delivery)
    record()
    await report(start)
    await allRecorded()

    await parts().server.flush()
    await report(anEnd(start, 200))

    await allRecorded()
    expect((await found(delivery)).delivery).toMatchObject({ state: 'succeeded', attempts: 1 })
  })

  it('goes on after Redis was away', async () => {
    const delivery = await oneDelivery()
    const start = aStart(delivery)
    record()
    await report(start)
    await allRecorded()

    await parts().server.kill()
    await parts().server.restart()
    await report(anEnd(start, 200))

    await allRecorded()
    expect((await found(delivery)).delivery).toMatchObject({ state: 'succeeded', attempts: 1 })
  })

  it('keeps an entry that the log refuses aside and records all others', async () => {
    const { redis, key } = parts()
    const deliveries = await someDeliveries(20)
    const starts = deliveries.map((delivery) => aStart(delivery))
    await report(...starts)
    await redis.xadd(key.outcomes, '*', 'o', '{"kind":"finished"')
    await report(...starts.map((start) => anEnd(start, 200)))

    record()

    await allRecorded()
    expect(await tally()).toMatchObject({ attempts: 20, states: { succeeded: 20 } })
    const refused = await redis.xrange(`${key.outcomes}:refused`, '-', '+')
    expect(refused.map(([, fields]) => fields)).toEqual([['o', '{"kind":"finished"']])
  })
})

/** All entries are with another consumer; unless said otherwise one that died long enough ago. */
async function taken(consumer: string, idleMs = 60_000): Promise<void> {
  const { redis, key } = parts()
  await redis.xgroup('CREATE', key.outcomes, 'log', '0')
  const answer = (await redis.xreadgroup('GROUP', 'log', consumer, 'COUNT', 1_000, 'STREAMS', key.outcomes, '>')) as [
    string,
    [string, string[]][],
  ][]
  const ids = (answer[0]?.[1] ?? []).map(([id]) => id)
  await redis.call('XCLAIM', key.outcomes, 'log', consumer, '0', ...ids, 'IDLE', String(idleMs))
}
