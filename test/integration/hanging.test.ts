import { beforeEach, describe, expect, it } from 'vitest'
import { openReport, type BeginInput, type Report } from '../../services/dispatcher/report.ts'
import { jobId } from '../../shared/id.ts'
import { anId } from '../support/builders.ts'
import { aDelivery, aStart } from '../support/outcomes.ts'
import { useParts } from '../support/parts.ts'

const parts = useParts()
const leaseMs = 35_000
const limits = { cap: 50, rate: 0, leaseMs }
let webhookId = ''
let report: Report
beforeEach(() => {
  const { redis, target, log } = parts()
  webhookId = anId()
  report = openReport(redis, target.prefix, { keep: () => {}, unsure: () => undefined }, { breakerFailures: 5, breakerOpenMs: 10_000 }, log)
})

async function begin(): Promise<{ kind: string; job: BeginInput['job'] }> {
  const delivery = aDelivery(anId(), webhookId)
  const job = { jobId: jobId(delivery.id, 0), webhookId, eventId: delivery.eventId }
  return { ...(await report.begin({ job, wanted: [], version: '0', entries: [aStart(delivery)], limits })), job }
}
const kinds = async (count: number) => {
  const found: string[] = []
  for (let n = 0; n < count; n++) found.push((await begin()).kind)
  return found
}
/** As if those under way had begun so much earlier. */
async function age(ms: number): Promise<void> {
  const { redis, key } = parts()
  for (const job of await redis.zrange(key.busy(webhookId), '0', '-1')) await redis.zincrby(key.busy(webhookId), -ms, job)
}
const finish = (job: BeginInput['job']) =>
  report.finish({ job, entries: [], done: true, ended: true, verdict: { kind: 'good' }, limits }).freed

describe('a webhook that hangs', () => {
  it('gets one more request, and then no other for two seconds', async () => {
    expect(await kinds(3)).toEqual(['begun', 'begun', 'begun'])
    await age(1_100)

    expect(await kinds(3)).toEqual(['begun', 'full', 'full'])
    await parts().redis.hincrby(parts().key.gate(webhookId), 'try', -2_100)
    expect(await kinds(2)).toEqual(['begun', 'full'])
  })

  it('gets all that it may have as soon as it answers, though slowly, and for ten seconds after', async () => {
    const { job } = await begin()
    await kinds(2)
    await age(3_000)
    expect(await kinds(2)).toEqual(['begun', 'full'])

    await finish(job)

    expect(await kinds(5)).toEqual(Array.from({ length: 5 }, () => 'begun'))
    await parts().redis.hincrby(parts().key.gate(webhookId), 'good', -10_100)
    expect(await kinds(2)).toEqual(['full', 'full'])
  })

  it('is not one of which a single request takes long', async () => {
    await begin()
    await age(5_000)

    expect(await kinds(3)).toEqual(['begun', 'begun', 'full'])
  })

  it('is not one whose answers come at once beside one that is slow', async () => {
    await begin()
    await age(5_000)
    for (let n = 0; n < 20; n++) {
      const { kind, job } = await begin()
      expect(kind).toBe('begun')
      await finish(job)
    }
  })

  it('is not one whose requests died with their dispatcher: the next may go at once, and with its answer all the others', async () => {
    await kinds(10)
    await age(leaseMs - 1_000)
    const { kind, job } = await begin()
    expect(kind).toBe('begun')

    await finish(job)

    expect(await kinds(5)).toEqual(Array.from({ length: 5 }, () => 'begun'))
  })

  it('lets no more out of its parking lot than it gets', async () => {
    const { redis, key } = parts()
    await kinds(2)
    await age(1_100)
    await redis.zadd(key.parked(webhookId), ...Array.from({ length: 40 }, (_, n) => [n, `job-${n}`]).flat())
    const { job } = await begin()

    const freed = await report.finish({ job, entries: [], done: false, ended: true, verdict: { kind: 'none' }, limits }).freed

    expect(freed).toEqual([])
    expect(await redis.zcard(key.parked(webhookId))).toBe(40)
  })
})
