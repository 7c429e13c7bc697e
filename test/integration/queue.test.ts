import type { Job } from 'bullmq'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { defaultRetryPolicy, type RetryPolicy } from '../../shared/contracts/retry.ts'
import { openQueue, readBackoff, readJob, type Backoff, type QueuedDelivery } from '../../shared/queue.ts'
import { redisOptions } from '../../shared/redis.ts'
import { eventually } from '../support/eventually.ts'
import { useParts } from '../support/parts.ts'

const parts = useParts()
let proxy: Server | undefined
afterEach(() => void proxy?.close())

const job: QueuedDelivery = {
  job: { deliveryId: 'd', eventId: 'e', webhookId: 'w', generation: 0, step: 0 },
  retry: defaultRetryPolicy,
}

describe('the queue', () => {
  it('works although Redis dies just when its connection has become ready', async () => {
    let broken = false
    const url = await proxied((client, server) => {
      let asked = 0
      // the first INFO is ioredis asking whether Redis has loaded its data; a second one would be BullMQ asking for the version
      client.on('data', (chunk: Buffer) => {
        asked += chunk.toString('latin1').toLowerCase().split('$4\r\ninfo\r\n').length - 1
        if (asked >= 2 && !broken) server.destroy()
        broken = asked >= 2
      })
    })

    const queue = openQueue({ url, prefix: '{tidings}' }, () => {})

    await eventually(() => queue.add([job]), 5_000)
    expect(await queue.alive(['d.0'])).toEqual(new Set(['d.0']))
    await queue.close()
  })

  it('closes while Redis is away', async () => {
    const { target, server } = parts()
    const queue = openQueue(target, () => {})
    await queue.bull.waitUntilReady()
    await server.kill()

    await queue.close()

    await server.restart()
  })

  it.each<[string, Partial<QueuedDelivery['job']>, RetryPolicy, Backoff]>([
    [
      'as the default policy has it',
      {},
      defaultRetryPolicy,
      { type: 'exponential-jitter', delay: 5_000, maxDelay: 86_400_000, jitter: 0.2, honourRetryAfter: true },
    ],
    [
      'as a policy of its own has it',
      { step: 3, lane: 'l' },
      { strategy: 'exponential', attempts: 5, base_seconds: 0.5, max_seconds: 60, jitter: 0, honour_retry_after: false },
      { type: 'exponential-jitter', delay: 500, maxDelay: 60_000, jitter: 0, honourRetryAfter: false },
    ],
    [
      'by a schedule',
      { step: 1 },
      { strategy: 'schedule', delays_seconds: [5, 0], jitter: 0.2, honour_retry_after: true },
      { type: 'schedule', delays: [5_000, 0], jitter: 0.2, honourRetryAfter: true },
    ],
  ])('hands over a job as it was added: tried again %s', async (_, more, retry, backoff) => {
    const { queue } = parts()
    const added = { ...job.job, ...more }

    await queue.add([{ job: added, retry }])

    const found = await queue.bull.getJob('d.0')
    expect(readJob(found as Job)).toEqual(added)
    expect(readBackoff(found as Job)).toEqual(backoff)
  })

  it('does not say in a job what most of them have, and reads those that say it', async () => {
    const { queue } = parts()
    const whole = { type: 'exponential-jitter', delay: 5_000, maxDelay: 86_400_000, jitter: 0.2, honourRetryAfter: true } as const
    await queue.bull.add('deliver', { eventId: 'e', webhookId: 'w', step: 0 }, { jobId: 'before.0', attempts: 18, backoff: whole })

    await queue.add([job])

    const [before, now] = await Promise.all(['before.0', 'd.0'].map((id) => queue.bull.getJob(id) as Promise<Job>))
    expect(now?.data).toEqual({ eventId: 'e', webhookId: 'w' })
    expect(now?.opts.backoff).toEqual({ type: 'exponential-jitter' })
    expect(readJob(before as Job)).toMatchObject({ eventId: 'e', webhookId: 'w', step: 0 })
    expect(readBackoff(before as Job)).toEqual(readBackoff(now as Job))
  })

  it('takes a job once, however often it is added', async () => {
    const { queue } = parts()

    await queue.add([job, job])
    await queue.add([job])

    expect(await queue.counts()).toMatchObject({ waiting: 1 })
  })

  it('counts those that wait, by the turn that they were given', async () => {
    const { queue } = parts()
    const bulk = (deliveryId: string): QueuedDelivery => ({ ...job, job: { ...job.job, deliveryId }, turn: 'bulk' })

    await queue.add([job, bulk('b1'), bulk('b2')])

    expect(await queue.waiting('bulk')).toBe(2)
    expect(await queue.waiting('again')).toBe(0)
    expect(await queue.waiting('fresh')).toBe(1)
  })

  it('does not call a job alive that it never had', async () => {
    expect(await parts().queue.alive(['d.0'])).toEqual(new Set())
  })

  it('says which of those that should run now it does not have; one that waits already is not among them', async () => {
    const { queue } = parts()
    const delayed = { ...job, job: { ...job.job, deliveryId: 'later' }, delayMs: 60_000 }
    await queue.add([job, delayed])

    expect(await queue.promote(['d.0', 'later.0', 'none.0'])).toEqual(['none.0'])
    expect(await queue.counts()).toMatchObject({ waiting: 2, delayed: 0 })
  })

  it('takes a job again that it was told to forget', async () => {
    const { queue } = parts()
    await queue.add([job])

    await queue.forget(['d.0'])

    expect(await queue.counts()).toMatchObject({ waiting: 0 })
    await queue.add([job])
    expect(await queue.counts()).toMatchObject({ waiting: 1 })
  })
})

/** The Redis of the test, behind a door that can be slammed. */
async function proxied(onConnection: (client: Socket, server: Socket) => void): Promise<string> {
  const { path } = redisOptions(parts().target.url)
  proxy = createServer((client) => {
    const server = connect(path as string)
    client.pipe(server).pipe(client)
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const)
      one.on('error', () => {}).on('close', () => other.destroy())
    onConnection(client, server)
  })
  await new Promise<void>((resolve) => proxy?.listen(0, '127.0.0.1', resolve))
  return `redis://127.0.0.1:${(proxy.address() as AddressInfo).port}`
}
