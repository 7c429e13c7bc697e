import { serve } from '@hono/node-server'
import { Queue, type ConnectionOptions } from 'bullmq'
import { Hono } from 'hono'
import type { AddressInfo } from 'node:net'
import { Worker } from 'node:worker_threads'
import { redisOptions } from '../../../shared/redis.ts'
import { answer } from '../child.ts'
import type { Accepted } from './commit.ts'
import { floorPrefix } from './tell.ts'

/**
 * The least that accepts an event with the same libraries and has it on disk when it answers: HTTP, JSON, a commit for all
 * that came meanwhile, the job for bare's worker, 202. No key, no check of what was sent, no limit, no matching, no
 * repetition found, no metric; and where the job cannot be added, nobody looks for it later.
 */
const [redisUrl = '', file = ''] = process.argv.slice(2)
const defaultJobOptions = { removeOnComplete: true, removeOnFail: true }
const queue = new Queue<Accepted>('bare', {
  connection: redisOptions(redisUrl) as ConnectionOptions,
  prefix: floorPrefix,
  defaultJobOptions,
})
await queue.waitUntilReady()

const thread = new Worker(new URL('./commit.js', import.meta.url), { workerData: file })
type Waiting = { event: Accepted; committed(): void }
let gathered: Waiting[] = []
let committing: Waiting[] = []
let made = 0

function commit(): void {
  if (committing.length > 0 || gathered.length === 0) return
  committing = gathered
  gathered = []
  thread.postMessage(committing.map(({ event }) => event))
}

thread.on('message', () => {
  const done = committing
  committing = []
  commit()
  for (const { event, committed } of done) {
    void queue.add('deliver', event)
    committed()
  }
})

const app = new Hono().post('/events', async (c) => {
  const body = await c.req.text()
  const { id, type } = JSON.parse(body) as { id: string; type: string }
  await new Promise<void>((committed) => {
    if (gathered.push({ event: { id, webhook: made++ % 50, body }, committed }) === 1) setImmediate(commit)
  })
  return c.json({ id, type }, 202)
})
const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
await new Promise((resolve) => server.once('listening', resolve))
answer({
  url: () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  waiting: () => queue.getJobCountByTypes('waiting'),
})
