import { beforeEach, describe, expect, it } from 'vitest'
import { startParking, type Parking } from '../../services/dispatcher/parking.ts'
import { openReport, type Attempted, type Limits, type Report } from '../../services/dispatcher/report.ts'
import { jobId } from '../../shared/id.ts'
import { openGate } from '../../shared/transport.ts'
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
/** Jobs that the queue does not have. */
let gone: string[] = []

beforeEach(() => {
  const { connect, target, log, ending } = parts()
  webhookId = anId()
  promoted = []
  gone = []
  const redis = connect()
  report = openReport(redis, target.prefix, { keep: () => {}, unsure: () => undefined }, { breakerFailures: 5, breakerOpenMs: 10_000 }, log)
  const promote = async (jobs: string[]) => {
    promoted.push(...jobs)
    return jobs.filter((job) => gone.includes(job))
  }
  const queue = { promote }
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
const finish = (job: Attempted, kind: 'good' | 'bad' = 'good') =>
  report.finish({ job, entries: [], done: true, ended: true, verdict: { kind }, limits }).freed
const out = () => parts().redis.zrange(parts().key.out(webhookId), '0', '-1')
/** As if it had been let out so much earlier. */
const age = (ms: number, { jobId }: Attempted) => parts().redis.zincrby(parts().key.out(webhookId), -ms, jobId)
const now = async () => Number((await parts().redis.time())[0]) * 1_000

describe('a job that turns out to be done, as after a failover', () => {
  it('gives the place that Redis still has for it to one that is parked', async () => {
    const [first, second] = [aJob(), aJob()]
    expect(await begin(first)).toMatchObject({ kind: 'begun' })
    await parking.park(second, limits)
    await isDone(first)

    expect(await begin(first)).toEqual({ kind: 'done', free: [second.jobId] })
    expect(await out()).toEqual([second.jobId])
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
    await redis.zadd(key.out(webhookId), (await now()) - 1_000, job.jobId)
    await redis.zadd(key.parking, await now(), webhookId)

    await eventually(() => expect(promoted).toEqual([job.jobId]))

    expect(await out()).toEqual([])
    await eventually(async () => expect(await redis.zscore(key.parking, webhookId)).toBeNull())
  })

  it('is looked after until its place is over, though nothing else is parked', async () => {
    const { redis, key } = parts()
    await parking.park(aJob(), limits)

    expect(await out()).toEqual(promoted)
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

    expect(await out()).toEqual([])
    await redis.hdel(key.gate(webhookId), 'open')
    await parking.park(second, limits)
    expect(promoted).toHaveLength(2)
  })

  it('has its place kept for a second; in a longer line it stands for itself, and the webhook does something else meanwhile', async () => {
    const [waits, comes] = [aJob(), aJob()]
    await parking.park(waits, limits)
    expect(await begin(comes)).toEqual({ kind: 'full' })

    await age(1_100, waits)

    expect(await begin(comes)).toMatchObject({ kind: 'begun' })
    expect(await begin(waits)).toEqual({ kind: 'full' })
    await finish(comes)
    expect(await begin(waits)).toMatchObject({ kind: 'begun' })
  })

  it('has others let out after it only when it has begun, however long it stands in line', async () => {
    const [first, second] = [aJob(), aJob()]
    await parking.park(first, limits)
    await parking.park(second, limits)
    await age(5_000, first)
    expect(promoted).toEqual([first.jobId])

    expect(await begin(first)).toMatchObject({ kind: 'begun' })
    expect(await finish(first)).toEqual([second.jobId])
  })
})

describe('a webhook that was changed', () => {
  const shut = async () => (await parts().redis.hget(parts().key.gate(webhookId), 'open')) !== null
  const asksForQuiet = (job: Attempted) =>
    report.finish({ job, entries: [], done: false, ended: false, verdict: { kind: 'bad', closedMs: 3_600_000 }, limits }).freed

  it('is forgiven what it answers to a request that was under way', async () => {
    const job = aJob()
    await begin(job)
    await openGate(parts().redis, parts().target.prefix, webhookId)

    await asksForQuiet(job)

    expect(await shut()).toBe(false)
  })

  it('is held to what it answers after that', async () => {
    const job = aJob()
    await openGate(parts().redis, parts().target.prefix, webhookId)
    const forgiven = await now()
    await eventually(async () => expect(await now()).toBeGreaterThan(forgiven))
    await begin(job)

    await asksForQuiet(job)

    expect(await shut()).toBe(true)
  })
})

/** More than leave at once where jobs leave in a stream. */
const many = 60

/** Of so many parked ones, each let out and done: how many there were to be let out at once. */
async function letOutAtOnce(): Promise<number> {
  const jobs = new Map(Array.from({ length: many + 1 }, aJob).map((job) => [job.jobId, job]))
  const [start] = [...jobs.values()] as [Attempted]
  expect(await begin(start)).toMatchObject({ kind: 'begun' })
  const { redis, key } = parts()
  await redis.zadd(key.parked(webhookId), ...[...jobs.keys()].slice(1).flatMap((id) => [1, id]))
  let count = 0
  for (let job: Attempted | undefined = start; job; count++) {
    const [next] = await finish(job)
    job = next === undefined ? undefined : jobs.get(next)
    if (job) expect(await begin(job)).toMatchObject({ kind: 'begun' })
  }
  return count - 1
}

describe('what is parked for a webhook', () => {
  it('leaves as soon as there is room, where the webhook answers and has not failed', async () => {
    expect(await letOutAtOnce()).toBe(many)
  })

  it('leaves in a stream for ten minutes after it has failed, as the others would feel it', async () => {
    const { redis, key } = parts()
    const failed = aJob()
    await begin(failed)
    await finish(failed, 'bad')
    const before = await now()
    const paced = await letOutAtOnce()
    // a fifth of a second's worth, and what came due since
    expect(paced).toBeLessThanOrEqual(20 + Math.ceil(((await now()) + 1_000 - before) / 10))

    await redis.del(key.parked(webhookId), key.out(webhookId))
    await redis.hincrby(key.gate(webhookId), 'ill', -600_000)
    expect(await letOutAtOnce()).toBe(many)
  })

  it('is moved to SQL when it is much, unless the webhook is getting through it', async () => {
    const { redis, key } = parts()
    const [works, waits] = [aJob(), aJob()]
    await begin(works)
    await redis.zadd(key.parked(webhookId), ...Array.from({ length: 1_001 }, (_, n) => [1, `j${n}`]).flat())

    await finish(works)
    expect(await report.hold(waits, [])).toBe(false)

    await redis.hset(key.gate(webhookId), 'ill', await now())
    expect(await report.hold(waits, [])).toBe(true)
  })
})

describe('a job that is parked, and was made all the same', () => {
  it('gives its place to the next one once it is let out', async () => {
    const [first, second] = [aJob(), aJob()]
    gone = [first.jobId]

    await parking.park(first, limits)
    await eventually(() => expect(promoted).toEqual([first.jobId]))
    expect(await out()).toEqual([])
    await parking.park(second, limits)

    await eventually(() => expect(promoted).toEqual([first.jobId, second.jobId]))
    expect(await out()).toEqual([second.jobId])
  })

  it('gives its turn to try to the next one, too', async () => {
    const { redis, key } = parts()
    const [first, second] = [aJob(), aJob()]
    gone = [first.jobId]
    await redis.hset(key.gate(webhookId), 'open', await now())

    await parking.park(first, limits)
    await eventually(() => expect(promoted).toEqual([first.jobId]))
    await parking.park(second, limits)

    await eventually(() => expect(promoted).toEqual([first.jobId, second.jobId]))
    expect(await redis.hget(key.gate(webhookId), 'prober')).toBe(second.jobId)
  })

  it('waits no longer when its attempt ends', async () => {
    const { redis, key } = parts()
    const job = aJob()
    expect(await begin(job)).toMatchObject({ kind: 'begun' })
    await redis.zadd(key.parked(webhookId), await now(), job.jobId)

    await finish(job)

    expect(await redis.zcard(key.parked(webhookId))).toBe(0)
    expect(promoted).toEqual([])
    expect(await out()).toEqual([])
  })
})
