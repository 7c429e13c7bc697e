import { Queue, Worker, type ConnectionOptions } from 'bullmq'
import { createHmac, randomBytes } from 'node:crypto'
import { Agent, request } from 'undici'
import { redisOptions } from '../../shared/redis.ts'
import { answer } from './child.ts'
import { nowUs } from './clock.ts'
import { bodyText } from './event.ts'
import { floorPrefix, teller } from './floor/tell.ts'
import { atRate } from './http.ts'

/**
 * The peer of everything that delivers: the least that a user of BullMQ could write. One queue; the job carries the
 * body; the worker signs and posts, and throws when the answer is not 2xx. No log, no guard, no retry policy, no
 * webhook to be looked up anywhere but in memory. As the floor's sender it tells a log of each request beside.
 */
const [role, redisUrl = '', prefix = '', sink = '', concurrency = '50'] = process.argv.slice(2)
const connection = { ...redisOptions(redisUrl), maxRetriesPerRequest: null } as ConnectionOptions
type Job = { id: string; webhook: number; body: string }

if (role === 'worker') {
  const webhooks = Array.from({ length: 50 }, (_, n) => ({ url: `${sink}/webhooks/${n}`, key: randomBytes(32) }))
  const dispatcher = new Agent({ connections: Number(concurrency), pipelining: 1 })
  const tell = prefix === floorPrefix ? teller(redisUrl) : undefined
  const send = async ({ id, webhook, body }: Job) => {
    const at = Date.now()
    tell?.({ kind: 'started', id, webhook, at })
    const { url, key } = webhooks[webhook] as (typeof webhooks)[number]
    const timestamp = String(Math.floor(at / 1000))
    const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
    const headers = {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${signature}`,
    }
    const response = await request(url, { method: 'POST', headers, body, dispatcher })
    if (tell)
      tell({
        kind: 'finished',
        id,
        webhook,
        at,
        request: { url, headers },
        status: response.statusCode,
        answer: await response.body.text(),
      })
    else await response.body.dump()
    if (response.statusCode >= 300) throw new Error(`answered ${response.statusCode}`)
  }
  const worker = new Worker<Job>('bare', (job) => send(job.data), { connection, prefix, concurrency: Number(concurrency) })
  await worker.waitUntilReady()
  answer({})
} else {
  const queue = new Queue<Job>('bare', { connection, prefix, defaultJobOptions: { removeOnComplete: true, removeOnFail: true } })
  await queue.waitUntilReady()
  let made = 0
  const job = (): Job => ({ id: `${process.pid}-${made}`, webhook: made++ % 50, body: bodyText(nowUs()) })
  const add = () => queue.add('deliver', job())

  answer({
    pause: () => queue.pause(),
    resume: () => queue.resume(),
    async fill(count: number) {
      for (let left = count; left > 0; left -= 500)
        await queue.addBulk(Array.from({ length: Math.min(500, left) }, () => ({ name: 'deliver', data: job() })))
    },
    /** One at a time as the news comes in, so many of them under way. */
    async add(count: number, together: number) {
      let left = count
      const work = async () => {
        while (left-- > 0) await add()
      }
      await Promise.all(Array.from({ length: together }, work))
    },
    addAtRate: (perSecond: number, seconds: number) => atRate(perSecond, seconds, add),
    /** For `memory`: jobs of ids alone. */
    async fillIds(count: number) {
      const id = () =>
        randomBytes(16)
          .toString('hex')
          .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
      const ids = () => ({ deliveryId: id(), eventId: id(), webhookId: id() }) as unknown as Job
      for (let left = count; left > 0; left -= 500)
        await queue.addBulk(Array.from({ length: Math.min(500, left) }, () => ({ name: 'deliver', data: ids() })))
    },
  })
}
