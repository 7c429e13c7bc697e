import { beforeEach, describe, expect, it } from 'vitest'
import { startParking, type Parking } from '../../services/dispatcher/parking.ts'
import { openReport, type Attempted, type Limits, type Report } from '../../services/dispatcher/report.ts'
import { jobId } from '../../shared/id.ts'
import { anId } from '../support/builders.ts'
import { eventually } from '../support/eventually.ts'
import { aDelivery, aStart } from '../support/outcomes.ts'
import { useParts } from '../support/parts.ts'

const parts = useParts()
const limits: Limits = { cap: 1, rate: 0, leaseMs: 35_000 }
let webhookId = ''
let report: Report
let parking: Parking
let promoted: string[] = []

beforeEach(() => {
  const { connect, target, log, ending } = parts()
  webhookId = anId()
  promoted = []
  const redis = connect()
  report = openReport(redis, target.prefix, { keep: () => {}, unsure: () => undefined }, { breakerFailures: 5, breakerOpenMs: 10_000 }, log)
  const queue = { promote: async (jobs: string[]) => void promoted.push(...jobs) }
  parking = startParking(redis, target.prefix, queue, () => 2, log)
  ending({ stop: async () => parking.stop() })
})

function aJob(): Attempted {
  const delivery = aDelivery(anId(), webhookId)
  return { jobId: jobId(delivery.id, 0), webhookId, eventId: delivery.eventId }
}
const begin = (job: Attempted) =>
  report.begin({ job, wanted: [], version: '0', entries: [aStart(aDelivery(job.eventId, webhookId))], limits })
const isDone = ({ jobId }: Attempted) => parts().redis.set(parts().key.done(jobId), '1')
const places = () => parts().redis.zrange(parts().key.busy(webhookId), '0', '-1')
const now = async () => Number((await parts().redis.time())[0]) * 1_000

describe('a job that turns out to be done, as after a failover', () => {
  it('gives the place that Redis still has for it to one that is parked', async () => {
    const [first, second] = [aJob(), aJob()]
    expect(await begin(first)).toMatchObject({ kind: 'begun' })
    await parking.park(second, limits)
    await isDone(first)

    expect(await begin(first)).toEqual({ kind: 'done', free: [second.jobId] })
    expect(await places()).toEqual([second.jobId])
  })

  it('has another try in its stead, where it was the one that was to try', async () => {
    const { redis, key } = parts()
    const jobs = [aJob(), aJob(), aJob()] as const
    await redis.hset(key.gate(webhookId), 'open', await now())
    for (const job of jobs) await parking.park(job, limits)
    await eventually(() => expect(promoted).toHaveLength(1))
    const tries = jobs.find(({ jobId }) => jobId === promoted[0]) as Attempted
    await isDone(tries)

    const begun = await begin(tries)

    expect(begun).toMatchObject({ kind: 'done', free: [expect.any(String)] })
    const next = jobs.find(({ jobId }) => jobId === (begun as { free: string[] }).free[0]) as Attempted
    expect(await redis.hget(key.gate(webhookId), 'prober')).toBe(next.jobId)
    expect(await begin(next)).toMatchObject({ kind: 'begun' })
  })
})

describe('a job that was let out', () => {
  it('is let out again when its place is over, should the queue never have heard of it', async () => {
    const { redis, key } = parts()
    const job = aJob()
    await redis.zadd(key.busy(webhookId), (await now()) - 1_000, job.jobId)
    await redis.zadd(key.parking, await now(), webhookId)

    await eventually(() => expect(promoted).toEqual([job.jobId]))

    expect(await places()).toEqual([])
    await eventually(async () => expect(await redis.zscore(key.parking, webhookId)).toBeNull())
  })

  it('is looked after until its place is over, though nothing else is parked', async () => {
    const { redis, key } = parts()
    await parking.park(aJob(), limits)

    expect(await places()).toEqual(promoted)
    expect(Number(await redis.zscore(key.parking, webhookId))).toBeGreaterThan((await now()) + 25_000)
  })

  it('leaves its place to others when it has to be parked once more', async () => {
    const { redis, key } = parts()
    const [first, second] = [aJob(), aJob()]
    await parking.park(first, limits)
    expect(promoted).toEqual([first.jobId])
    await redis.hset(key.gate(webhookId), 'open', (await now()) + 60_000)

    expect(await begin(first)).toEqual({ kind: 'closed' })
    await parking.park(first, limits)

    expect(await places()).toEqual([])
    await redis.hdel(key.gate(webhookId), 'open')
    await parking.park(second, limits)
    expect(promoted).toHaveLength(2)
  })
})
