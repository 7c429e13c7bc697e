import { UnrecoverableError, Worker, type ConnectionOptions } from 'bullmq'
import { beforeEach, describe, expect, it } from 'vitest'
import { startReconciler, type Reconciler } from '../../services/status/reconcile.ts'
import { jobId } from '../../shared/id.ts'
import { jobOf, queueName } from '../../shared/queue.ts'
import { redisOptions } from '../../shared/redis.ts'
import { shardsOf } from '../../shared/shards.ts'
import type { NewDelivery } from '../../shared/storage/storage.ts'
import { encodeOutcome } from '../../shared/transport.ts'
import { anId, aWebhook, fast } from '../support/builders.ts'
import { eventually } from '../support/eventually.ts'
import { aDelivery, aHold, anEnd, aStart } from '../support/outcomes.ts'
import { useParts } from '../support/parts.ts'

const parts = useParts()
const webhook = aWebhook({ retry: fast(60, 60, 60) })
beforeEach(() => parts().storage.webhooks.create(webhook))

const minute = 60_000

/** @param ageMs how long ago they were made, and due */
async function openDeliveries(count: number, ageMs = 0): Promise<NewDelivery[]> {
  const deliveries = Array.from({ length: count }, () => aDelivery(anId(), webhook.id))
  await parts().storage.deliveries.create(deliveries, parts().clock.now() - ageMs)
  return deliveries
}

function reconcile(self = 'one', storage = parts().storage): Reconciler {
  const { redis, target, queue, clock, log, ending } = parts()
  const { prefix } = target
  return ending(startReconciler({ redis, prefix, storage, shards: shardsOf([{ prefix, queue }]), chores: [], self, clock, log }))
}

/** A Redis that the reconciler has made whole before, so that it looks for single jobs and not for a wipe. */
const whole = async () => {
  const first = reconcile('first')
  await eventually(async () => expect(await parts().redis.get(parts().key.epoch)).toBe('whole'))
  await first.stop()
}

const jobOfDelivery = ({ id }: NewDelivery) => parts().queue.bull.getJob(jobId(id, 0))
const jobs = async () => Object.values(await parts().queue.counts()).reduce((sum, count) => sum + count, 0)

async function addJob(delivery: NewDelivery): Promise<void> {
  const [open] = await parts().storage.deliveries.stillOpen([delivery.id])
  if (open) await parts().queue.add([jobOf(open, parts().clock.now())])
}

describe('a Redis that was wiped', () => {
  it('gets back the jobs of all open deliveries, each time', async () => {
    await openDeliveries(1_200)
    reconcile()
    await eventually(async () => expect(await jobs()).toBe(1_200))

    await parts().server.flush()

    await eventually(async () => expect(await jobs()).toBe(1_200))
  })

  it('gets none for deliveries that have ended', async () => {
    const [open, ended] = (await openDeliveries(2)) as [NewDelivery, NewDelivery]
    const start = aStart(ended)
    await parts().storage.deliveries.record([start, anEnd(start, 200)], parts().clock.now())

    reconcile()

    await eventually(async () => expect(await jobOfDelivery(open)).toBeDefined())
    expect(await jobs()).toBe(1)
  })

  it('gets retries back at the time that was set for them, with the attempts that are left', async () => {
    const [delivery] = (await openDeliveries(1)) as [NewDelivery]
    const start = aStart(delivery)
    const nextAttemptAt = parts().clock.now() + 9 * minute
    await parts().storage.deliveries.record([start, anEnd(start, 503, { nextAttemptAt })], parts().clock.now())

    reconcile()

    const job = await eventually(async () => {
      const found = await jobOfDelivery(delivery)
      expect(found).toBeDefined()
      return found
    })
    expect(await job?.getState()).toBe('delayed')
    expect(Math.abs((job?.timestamp ?? 0) + (job?.delay ?? 0) - nextAttemptAt)).toBeLessThan(1_000)
    expect(job?.data).toMatchObject({ eventId: delivery.eventId, step: 1 })
    expect(job?.opts.attempts).toBe(3)
  })

  it('gets no job for what is due much later, or held', async () => {
    const [near, far, held] = (await openDeliveries(3)) as [NewDelivery, NewDelivery, NewDelivery]
    const { storage, clock, redis, key } = parts()
    const retry = (delivery: NewDelivery, minutes: number) =>
      anEnd(aStart(delivery), 503, { nextAttemptAt: clock.now() + minutes * minute })
    await storage.deliveries.record([retry(near, 9), retry(far, 11), aHold(held)], clock.now())

    reconcile()

    await eventually(async () => expect(await redis.get(key.epoch)).toBe('whole'))
    expect(await jobOfDelivery(near)).toBeDefined()
    expect(await jobs()).toBe(1)
  })

  it('gets them back too when Redis goes away in the middle of it', async () => {
    await openDeliveries(1_200)
    const { queue } = parts()
    const add = queue.add
    let failures = 1
    queue.add = async (deliveries) => {
      await add(deliveries)
      if (failures-- > 0) throw new Error('Redis went away')
    }

    reconcile()

    await eventually(async () => expect(await jobs()).toBe(1_200))
    expect(failures).toBeLessThan(0)
  })
})

describe('a job that is missing', () => {
  it('is put back when its time has long come, and left to the queue until then', async () => {
    await whole()
    const [young] = (await openDeliveries(1)) as [NewDelivery]
    const [old] = (await openDeliveries(1, minute)) as [NewDelivery]

    reconcile()

    await eventually(async () => expect(await jobOfDelivery(old)).toBeDefined())
    expect(await jobOfDelivery(young)).toBeUndefined()
    parts().clock.advance(minute)
    await eventually(async () => expect(await jobOfDelivery(young)).toBeDefined())
  })

  it('is let out where the queue holds it for later and nobody knows why', async () => {
    await whole()
    const [forgotten, parked] = (await openDeliveries(2, minute)) as [NewDelivery, NewDelivery]
    const { queue, redis, key, storage, clock } = parts()
    const open = await storage.deliveries.stillOpen([forgotten.id, parked.id])
    await queue.add(open.map((one) => ({ ...jobOf(one, clock.now()), delayMs: 60 * minute })))
    await redis.zadd(key.parked(parked.webhookId), 1, jobId(parked.id, 0))

    reconcile()

    await eventually(async () => expect(await (await jobOfDelivery(forgotten))?.getState()).toBe('waiting'))
    expect(await (await jobOfDelivery(parked))?.getState()).toBe('delayed')
  })

  it('is put back where the queue calls it finished and the log does not', async () => {
    await whole()
    const [delivery] = (await openDeliveries(1, minute)) as [NewDelivery]
    await addJob(delivery)
    const { target } = parts()
    const fail = () => Promise.reject(new UnrecoverableError('for good'))
    const worker = new Worker(queueName, fail, {
      connection: { ...redisOptions(target.url), maxRetriesPerRequest: null } as ConnectionOptions,
      prefix: target.prefix,
    })
    await eventually(async () => expect(await (await jobOfDelivery(delivery))?.getState()).toBe('failed'))
    await worker.close()

    reconcile()

    await eventually(async () => expect(await (await jobOfDelivery(delivery))?.getState()).toBe('waiting'))
  })

  it('is not put back where it was left to wait in SQL while that was on its way into the log', async () => {
    await whole()
    const { storage, clock } = parts()
    const [held, far, lost] = (await openDeliveries(3, minute)) as [NewDelivery, NewDelivery, NewDelivery]
    const late = [aHold(held), anEnd(aStart(far), 503, { nextAttemptAt: clock.now() + 20 * minute })]
    const dueBefore: typeof storage.deliveries.dueBefore = async (...args) => {
      const page = await storage.deliveries.dueBefore(...args)
      await storage.deliveries.record(late, clock.now())
      return page
    }

    reconcile('two', { ...storage, deliveries: { ...storage.deliveries, dueBefore } })

    await eventually(async () => expect(await jobOfDelivery(lost)).toBeDefined())
    expect(await jobs()).toBe(1)
  })

  it('is not believed in while outcomes wait to be recorded', async () => {
    await whole()
    const { storage, redis, key, clock } = parts()
    const [delivery] = (await openDeliveries(1, minute)) as [NewDelivery]
    await redis.xadd(key.outcomes, `${Date.now() - minute}-0`, ...encodeOutcome(anEnd(aStart(delivery), 200)))
    let passes = 0
    const dueBefore: typeof storage.deliveries.dueBefore = (...args) => {
      passes++
      return storage.deliveries.dueBefore(...args)
    }

    reconcile('two', { ...storage, deliveries: { ...storage.deliveries, dueBefore } })
    for (let pass = 1; pass <= 2; pass++) {
      await eventually(() => expect(passes).toBe(pass))
      clock.advance(minute)
    }

    // the second pass begins after the first has come to its end
    expect(await jobOfDelivery(delivery)).toBeUndefined()
    await redis.del(key.outcomes)
    clock.advance(minute)
    await eventually(async () => expect(await jobOfDelivery(delivery)).toBeDefined())
  })

  it('is not doubled, moved or changed where it is not missing', async () => {
    await whole()
    const present = await openDeliveries(50, minute)
    for (const delivery of present) await addJob(delivery)
    const before = await Promise.all(present.map(jobOfDelivery))
    const [missing] = (await openDeliveries(1, minute)) as [NewDelivery]

    reconcile()

    await eventually(async () => expect(await jobOfDelivery(missing)).toBeDefined())
    expect(await jobs()).toBe(51)
    const after = await Promise.all(present.map(jobOfDelivery))
    expect(after.map((job) => job?.timestamp)).toEqual(before.map((job) => job?.timestamp))
  })
})

describe('the reconciler', () => {
  it('marks attempts that began long ago and never ended', async () => {
    const { storage, clock } = parts()
    await whole()
    const [delivery] = (await openDeliveries(1)) as [NewDelivery]
    await storage.deliveries.record([aStart(delivery, { at: clock.now() - 2 * minute })], clock.now())

    reconcile()

    await eventually(async () =>
      expect((await storage.deliveries.find('org', delivery.id))?.attempts).toMatchObject([{ outcome: 'interrupted' }]),
    )
  })

  it('leads alone, and hands over when it ends', async () => {
    const { redis, key } = parts()
    const first = reconcile('first')
    await eventually(async () => expect(await redis.get(key.leader)).toBe('first'))
    reconcile('second')

    await openDeliveries(1)
    await parts().server.flush()
    await eventually(async () => expect(await jobs()).toBe(1))
    await first.stop()

    await eventually(async () => expect(await redis.get(key.leader)).toBe('second'))
  })
})
