import { Queue, QueueEvents, Worker, type ConnectionOptions, type Job } from 'bullmq'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { redisOptions } from '../../shared/redis.ts'
import { eachRedis } from '../support/each-redis.ts'
import { startTestRedis, type TestRedis } from '../support/redis.ts'

/** What we use of BullMQ, on every Redis that Tidings may find on a machine. */
await eachRedis('runs BullMQ', (program) => {
  let redis: TestRedis
  let queue: Queue
  let events: QueueEvents
  let workers: Worker[] = []
  let number = 0

  const prefix = '{contract}'
  const connection = () => ({ ...redisOptions(redis.url), maxRetriesPerRequest: null }) as ConnectionOptions
  const work = async (process: (job: Job) => Promise<unknown>, options: object = {}) => {
    const worker = new Worker(queue.name, process, { connection: connection(), prefix, ...options })
    worker.on('error', () => {})
    workers.push(worker)
    await worker.waitUntilReady()
    return worker
  }

  beforeAll(async () => {
    redis = await startTestRedis(program)
  })
  afterAll(() => redis.stop())
  beforeEach(async () => {
    const name = `jobs-${++number}`
    queue = new Queue(name, { connection: connection(), prefix })
    events = new QueueEvents(name, { connection: connection(), prefix })
    queue.on('error', () => {})
    events.on('error', () => {})
    await Promise.all([queue.waitUntilReady(), events.waitUntilReady()])
  })
  afterEach(async () => {
    await Promise.all(workers.map((worker) => worker.close(true)))
    await Promise.all([queue.close(), events.close()])
    workers = []
  })

  it('runs a job and hands its result to who waits', async () => {
    await work(async (job) => job.data.n * 2)
    const job = await queue.add('double', { n: 21 })

    expect(await job.waitUntilFinished(events)).toBe(42)
  })

  it('holds a delayed job back until it is due', async () => {
    await work(async () => Date.now())
    const addedAt = Date.now()
    const job = await queue.add('later', {}, { delay: 300 })

    expect(await job.getState()).toBe('delayed')
    expect(await job.waitUntilFinished(events)).toBeGreaterThanOrEqual(addedAt + 300)
  })

  it('asks our own backoff for the delay of each retry', async () => {
    const asked: number[] = []
    const backoffStrategy = (attempt: number) => asked.push(attempt) * 20
    await work(
      async (job) => {
        if (job.attemptsMade < 2) throw new Error('not yet')
        return job.attemptsMade
      },
      { settings: { backoffStrategy } },
    )
    const job = await queue.add('flaky', {}, { attempts: 5, backoff: { type: 'own', delay: 1 } })

    expect(await job.waitUntilFinished(events)).toBe(2)
    expect(asked).toEqual([1, 2])
  })

  it('gives a job up when its attempts are used up', async () => {
    await work(async () => {
      throw new Error('never')
    })
    const job = await queue.add('hopeless', {}, { attempts: 3, backoff: { type: 'fixed', delay: 5 } })

    await expect(job.waitUntilFinished(events)).rejects.toThrow('never')
    expect(await queue.getJob(job.id as string)).toMatchObject({ attemptsMade: 3, failedReason: 'never' })
    expect(await job.getState()).toBe('failed')
  })

  it('runs 200 jobs that were added at once, each one time', async () => {
    const seen: number[] = []
    const all = signal()
    await work(
      async (job) => {
        if (seen.push(job.data.n) === 200) all.fire()
      },
      { concurrency: 20 },
    )
    await queue.addBulk(Array.from({ length: 200 }, (_, n) => ({ name: 'bulk', data: { n } })))

    await all.fired
    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, n) => n))
  })

  it('takes a job id once', async () => {
    await queue.add('first', { n: 1 }, { jobId: 'a.0' })
    await queue.add('second', { n: 2 }, { jobId: 'a.0' })

    expect(await queue.getJobCounts('waiting')).toEqual({ waiting: 1 })
    expect((await queue.getJob('a.0'))?.data).toEqual({ n: 1 })
  })

  it('runs a job again whose worker fell silent', async () => {
    const taken = signal()
    const lost = await work(
      () => {
        taken.fire()
        return new Promise(() => {})
      },
      { lockDuration: 400, skipLockRenewal: true, skipStalledCheck: true },
    )
    const job = await queue.add('orphan', {})
    await taken.fired
    await lost.pause(true)
    await work(async (again) => again.stalledCounter, { stalledInterval: 200 })

    expect(await job.waitUntilFinished(events)).toBe(1)
  })

  it('goes on under the same address after it was killed, with its queue where it writes one', async () => {
    await queue.add('survivor', {}, { jobId: 'b.0' })
    const before = redis.pid

    await redis.kill()
    await redis.restart()

    expect(redis.pid).not.toBe(before)
    expect((await queue.getJob('b.0'))?.name).toBe(program.kind === 'bundled' ? undefined : 'survivor')
    await work(async () => 'done')
    const job = await queue.add('after', {})
    expect(await job.waitUntilFinished(events)).toBe('done')
  })
})

function signal(): { fire(): void; fired: Promise<void> } {
  let fire = () => {}
  const fired = new Promise<void>((resolve) => (fire = resolve))
  return { fire: () => fire(), fired }
}
