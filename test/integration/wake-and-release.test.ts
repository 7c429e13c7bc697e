import { beforeEach, describe, expect, it } from 'vitest'
import { openReport } from '../../services/dispatcher/report.ts'
import { releaseHeld } from '../../services/status/held.ts'
import { wakeFar } from '../../services/status/wake.ts'
import type { OutcomeEntry } from '../../shared/contracts/delivery.ts'
import { jobId } from '../../shared/id.ts'
import { jobOf } from '../../shared/queue.ts'
import { shardsOf } from '../../shared/shards.ts'
import type { NewDelivery } from '../../shared/storage/storage.ts'
import { decodeOutcomes } from '../../shared/transport.ts'
import { anId, aWebhook, fast } from '../support/builders.ts'
import { aDelivery, aHold, anEnd, aStart } from '../support/outcomes.ts'
import { useParts } from '../support/parts.ts'

const parts = useParts()
const minute = 60_000
const webhook = aWebhook({ retry: fast(3_600, 3_600, 3_600), maxInFlight: 3, rateLimit: 50 })
beforeEach(() => parts().storage.webhooks.create(webhook))

async function open(count: number): Promise<NewDelivery[]> {
  const list = Array.from({ length: count }, () => aDelivery(anId(), webhook.id))
  await parts().storage.deliveries.create(list, parts().clock.now())
  return list
}
async function record(entries: OutcomeEntry[]): Promise<void> {
  await parts().storage.deliveries.record(entries, parts().clock.now())
}
const jobOfDelivery = ({ id }: NewDelivery) => parts().queue.bull.getJob(jobId(id, 0))
const delayed = async () => (await parts().queue.counts()).delayed

describe('waking', () => {
  /** Tried once, and due again in so long. */
  async function retrying(count: number, ms: number): Promise<NewDelivery[]> {
    const list = await open(count)
    const nextAttemptAt = parts().clock.now() + ms
    await record(list.map((one) => anEnd(aStart(one), 503, { nextAttemptAt })))
    return list
  }

  it('gives a job to each that is due within a minute, however many they are, at its time and with the attempts that are left', async () => {
    const many = await retrying(1_200, minute / 2)
    const [later] = (await retrying(1, 90_000)) as [NewDelivery]
    const { clock } = parts()
    const wake = wakeFar(parts())

    await wake()

    expect(await delayed()).toBe(1_200)
    const job = await jobOfDelivery(many.at(-1) as NewDelivery)
    expect(job).toMatchObject({ data: { step: 1 }, opts: { attempts: 3 } })
    expect(Math.abs((job?.timestamp ?? 0) + (job?.delay ?? 0) - clock.now() - minute / 2)).toBeLessThan(2_000)
    expect(await jobOfDelivery(later)).toBeUndefined()
    clock.advance(minute)
    await wake()
    expect(await jobOfDelivery(later)).toBeDefined()
    expect(await delayed()).toBe(1_201)
  })

  it('leaves jobs as they are, and has nothing to do with what was not tried yet or should have been', async () => {
    const { storage, queue, clock } = parts()
    const [near] = (await retrying(1, minute / 2)) as [NewDelivery]
    const [overdue] = (await retrying(1, -1_000)) as [NewDelivery]
    const [one] = await storage.deliveries.stillOpen([near.id])
    await queue.add([jobOf(one as NonNullable<typeof one>, clock.now() - 5_000)])
    const before = await jobOfDelivery(near)
    const fresh = await open(1)

    await wakeFar({ ...parts(), clock: { now: () => clock.now() - 100 } })()

    const after = await jobOfDelivery(near)
    expect([after?.timestamp, after?.delay]).toEqual([before?.timestamp, before?.delay])
    expect(await jobOfDelivery(overdue)).toBeUndefined()
    expect(await jobOfDelivery(fresh[0] as NewDelivery)).toBeUndefined()
  })

  it('looks again at what Redis did not take', async () => {
    const [delivery] = (await retrying(1, minute / 2)) as [NewDelivery]
    const { queue } = parts()
    let failures = 1
    const wake = wakeFar({ ...parts(), queue: { add: (list) => (failures-- > 0 ? Promise.reject(new Error('away')) : queue.add(list)) } })
    await expect(wake()).rejects.toThrow('away')

    await wake()

    expect(await jobOfDelivery(delivery)).toBeDefined()
  })
})

describe('releasing', () => {
  const release = () => releaseHeld({ ...parts(), shards: shardsOf([{ prefix: parts().target.prefix, queue: parts().queue }]) })()
  const park = (count: number) =>
    parts().redis.zadd(parts().key.parked(webhook.id), ...Array.from({ length: count }, (_, n) => [1, `parked ${n}`]).flat())

  it('parks the oldest that are held, three hundred at a time, with the limits of their webhook, while fewer than five hundred are parked', async () => {
    const held = (await open(700)).toSorted((a, b) => (a.id < b.id ? -1 : 1))
    await record(held.map((one) => aHold(one)))
    const { redis, key, storage, clock } = parts()
    await park(500)

    await release()
    expect(await redis.zcard(key.parked(webhook.id))).toBe(500)

    await redis.del(key.parked(webhook.id))
    await release()
    expect(await redis.zcard(key.parked(webhook.id))).toBe(300)
    await release()
    await release()

    expect((await redis.zrange(key.parked(webhook.id), '0', '-1')).toSorted()).toEqual(held.slice(0, 600).map(({ id }) => jobId(id, 0)))
    expect(await delayed()).toBe(600)
    expect(await redis.zscore(key.parking, webhook.id)).toBe('0')
    expect(await redis.hgetall(key.gate(webhook.id))).toEqual({ cap: '3', rate: '50' })
    const due = await storage.deliveries.dueBefore(clock.now() + 1, 1_000)
    expect(due.map(({ id }) => id).toSorted()).toEqual(held.slice(0, 600).map(({ id }) => id))
    expect(await storage.deliveries.heldWebhooks()).toEqual([webhook.id])
  })
})

describe('holding', () => {
  it('is for what comes when a thousand are parked, and for none of those', async () => {
    const { redis, target, key, log } = parts()
    const report = openReport(
      redis,
      target.prefix,
      { keep: () => {}, unsure: () => undefined },
      { breakerFailures: 5, breakerOpenMs: 1_000 },
      log,
    )
    const [one, parked] = (await open(2)) as [NewDelivery, NewDelivery]
    const hold = (delivery: NewDelivery) =>
      report.hold({ jobId: jobId(delivery.id, 0), webhookId: webhook.id, eventId: delivery.eventId }, [aHold(delivery)])
    const fill = (count: number) =>
      redis.zadd(key.parked(webhook.id), ...Array.from({ length: count }, (_, n) => [n, `job ${n}`]).flat(), 0, jobId(parked.id, 0))

    await fill(998)
    expect(await hold(one)).toBe(false)
    await fill(999)
    expect(await hold(parked)).toBe(false)
    expect(await redis.xlen(key.outcomes)).toBe(0)
    expect(await hold(one)).toBe(true)

    const [[, fields]] = (await redis.xrange(key.outcomes, '-', '+')) as [[string, string[]]]
    expect(decodeOutcomes(fields)).toEqual([aHold(one)])
  })
})
