import { Job, Queue, type ConnectionOptions, type JobsOptions } from 'bullmq'
import type { RetryPolicy } from './contracts/retry.ts'
import { jobId, readJobId } from './id.ts'
import { connectRedis, failFast, watchErrors, type Redis, type RedisTarget } from './redis.ts'
import type { Shards } from './shards.ts'
import type { OpenDelivery } from './storage/storage.ts'

export const queueName = 'deliveries'

/** A parked job is let out by what happens to its webhook; should that be missed, the queue itself runs it after this time. */
export const parkedMs = 3_600_000

/** All that a job says. No payload and no secret: both would lie in Redis in clear text, once for each delivery. */
export type DeliveryJob = {
  deliveryId: string
  eventId: string
  webhookId: string
  generation: number
  /** Attempts that this generation had before the job was made (again). */
  step: number
  /** Set where the job is that of a batch; its event is then that of the first member, and no delivery is its own. */
  batchId?: string
  /** Set where the job waits for those of earlier events in the same lane. */
  lane?: string
}
/** What of it lies in Redis: the rest is in the id of the job, and a step of 0 is not said. */
type JobData = Pick<DeliveryJob, 'eventId' | 'webhookId' | 'lane'> & { step?: number; batch?: true }
export type QueuedDelivery = { job: DeliveryJob; retry: RetryPolicy; delayMs?: number; turn?: Turn }

/** Whose turn comes first when there is more to do than can be done: fresh events, then what is tried again, then what many asked for again. */
export type Turn = 'fresh' | 'again' | 'bulk'
const priorities: Record<Turn, number> = { fresh: 0, again: 1, bulk: 2 }

/** The retry policy as it travels in the job's own options: what was decided when the job was made stays in force. */
export type Backoff =
  | { type: 'exponential-jitter'; delay: number; maxDelay: number; jitter: number; honourRetryAfter: boolean }
  | { type: 'schedule'; delays: number[]; jitter: number; honourRetryAfter: boolean }

export type DeliveryQueue = {
  /** Adds what is not there yet; a job that exists under its id is left as it is. Resolves when Redis has all. */
  add(deliveries: QueuedDelivery[]): Promise<void>
  /** Which of these jobs wait, are delayed or run; a finished job does not count. */
  alive(jobIds: string[]): Promise<Set<string>>
  /** Forgets finished jobs, so that their ids can be added again. */
  forget(jobIds: string[]): Promise<void>
  /** Has these delayed jobs run now; one that is not delayed is left as it is. @returns those of which the queue has none */
  promote(jobIds: string[]): Promise<string[]>
  /** Has these jobs take their turn with fresh ones, though they are tried again: they have waited long enough. */
  hasten(jobIds: string[]): Promise<void>
  /** From its next run on, the job comes after fresh ones. */
  defer(jobId: string): Promise<void>
  /** How many jobs of this turn wait for a dispatcher; what is parked or delayed does not. */
  waiting(turn: Turn): Promise<number>
  counts(): Promise<Record<string, number>>
  /** BullMQ's own figures in the format of Prometheus: jobs by state, each counted at a glance. */
  prometheus(labels: Record<string, string>): Promise<string>
  /** When the jobs were made that are next in line, null where nobody waits. */
  oldest(): Promise<{ waiting: number | null; prioritized: number | null }>
  /** For Bull Board alone. */
  bull: Queue
  close(): Promise<void>
}

/** A chunk is one pipeline of BullMQ: small enough that other commands are not kept waiting. */
const chunk = 500
/** To make a pipeline costs more than to add these one by one, which leave in one packet all the same. */
const few = 8

export function openQueue(target: RedisTarget, onError: (error: Error) => void): DeliveryQueue {
  const connection = connectForQueues(target, () => {})
  const queue = openQueueOn(connection, target.prefix, onError)
  return {
    ...queue,
    async close() {
      await queue.close()
      connection.disconnect()
    },
  }
}

export const connectForQueues = (target: RedisTarget, onError: (error: Error) => void): Redis => connectRedis(target, failFast, onError)

/** One of several that share a connection, which outlives them. */
export function openQueueOn(connection: Redis, prefix: string, onError: (error: Error) => void): DeliveryQueue {
  const bull = new Queue(queueName, {
    connection: connection as ConnectionOptions,
    prefix,
    streams: { events: { maxLen: 1_000 } },
    // BullMQ asks a new connection for its version, once: should Redis die at that moment, the queue would be broken for good.
    skipVersionCheck: true,
  })
  watchErrors(bull as unknown as Parameters<typeof watchErrors>[0], onError)

  async function alive(jobIds: string[]): Promise<Set<string>> {
    // Two fields of the job's own hash: its state would be looked for in lists that are as long as the backlog.
    const client = (await bull.backend.connection.client) as unknown as Redis
    const found = await Promise.all(jobIds.map((id) => client.hmget(bull.toKey(id), 'timestamp', 'finishedOn')))
    return new Set(jobIds.filter((_, i) => found[i]?.[0] && !found[i]?.[1]))
  }

  return {
    bull,
    alive,
    async add(deliveries) {
      // Neither is a transaction: when it throws, some may have been added, and repeating is harmless.
      if (deliveries.length <= few) {
        await Promise.all(deliveries.map((queued) => bull.add('deliver', jobData(queued.job), jobOptions(queued))))
        return
      }
      for (let at = 0; at < deliveries.length; at += chunk) {
        await bull.addBulk(
          deliveries.slice(at, at + chunk).map((queued) => ({ name: 'deliver', data: jobData(queued.job), opts: jobOptions(queued) })),
        )
      }
    },
    async forget(jobIds) {
      await Promise.all(jobIds.map((id) => bull.remove(id)))
    },
    async promote(jobIds) {
      // Without reading the job first: its id is all that the script looks at. It rejects where the job is not delayed.
      const promoted = await Promise.allSettled(jobIds.map((id) => new Job(bull, 'deliver', {}, {}, id).promote()))
      const left = jobIds.filter((_, i) => promoted[i]?.status === 'rejected')
      if (left.length === 0) return []
      const there = await alive(left)
      return left.filter((id) => !there.has(id))
    },
    async hasten(jobIds) {
      await Promise.allSettled(jobIds.map((id) => new Job(bull, 'deliver', {}, {}, id).changePriority({ priority: priorities.fresh })))
    },
    async defer(id) {
      // The field alone: BullMQ's own call would look for the job through the whole backlog. And not of a job that a wipe took.
      await connection.eval(
        "if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], 'priority', ARGV[1]) end",
        1,
        bull.toKey(id),
        priorities.again,
      )
    },
    async waiting(turn) {
      const priority = priorities[turn]
      return (await bull.getCountsPerPriority([priority]))[priority] ?? 0
    },
    counts: () => bull.getJobCounts('waiting', 'delayed', 'active', 'prioritized'),
    async prometheus(labels) {
      // What has ended is counted only by workers that are told to, at a price for each job; ours count for themselves.
      return (await bull.exportPrometheusMetrics(labels)).split('\n# HELP bullmq_job_completed', 1)[0] as string
    },
    async oldest() {
      const first = async (state: 'waiting' | 'prioritized') => (await bull.getJobs([state], 0, 0, true))[0]?.timestamp ?? null
      const [waiting, prioritized] = await Promise.all([first('waiting'), first('prioritized')])
      return { waiting, prioritized }
    },
    async close() {
      await bull.close()
    },
  }
}

/** The queues of all shards, as one. */
export const queueIn = (queues: Shards<Pick<DeliveryQueue, 'add' | 'waiting'>>): Pick<DeliveryQueue, 'add' | 'waiting'> => ({
  async add(deliveries) {
    await Promise.all(queues.divide(deliveries, ({ job }) => job.webhookId).map(([queue, some]) => queue.add(some)))
  },
  async waiting(turn) {
    const counts = await Promise.all(queues.all.map((queue) => queue.waiting(turn)))
    return counts.reduce((sum, count) => sum + count, 0)
  },
})

function jobOptions({ job, retry, delayMs = 0, turn }: QueuedDelivery): JobsOptions {
  const attempts = retry.strategy === 'schedule' ? retry.delays_seconds.length + 1 : retry.attempts
  const priority = priorities[turn ?? (job.step > 0 ? 'again' : 'fresh')]
  return {
    jobId: jobId(job.batchId ?? job.deliveryId, job.generation),
    ...(priority > 0 && { priority }),
    attempts: Math.max(1, attempts - job.step),
    backoff: packBackoff(backoffOf(retry)),
    ...(delayMs > 0 && { delay: delayMs }),
  }
}

/**
 * What becomes of jobs that have ended; said by the worker, once, and not by each job. SQL is the log, and the mark of a
 * finished job absorbs a repeated fan-out: the job itself need not stay.
 */
export const afterwards = { removeOnComplete: { count: 0 }, removeOnFail: { age: 3_600, count: 10_000 } }

const jobData = ({ eventId, webhookId, step, batchId, lane }: DeliveryJob): JobData => ({
  eventId,
  webhookId,
  ...(step > 0 && { step }),
  ...(batchId !== undefined && { batch: true }),
  ...(lane !== undefined && { lane }),
})

export function readJob({ id = '', data }: Pick<Job, 'id' | 'data'>): DeliveryJob {
  const { batch, ...said } = data as JobData
  const { delivery, generation } = readJobId(id)
  return Object.assign({ step: 0 }, said, { deliveryId: delivery, generation }, batch && { batchId: delivery })
}

function backoffOf(retry: RetryPolicy): Backoff {
  const shared = { jitter: retry.jitter, honourRetryAfter: retry.honour_retry_after }
  if (retry.strategy === 'schedule') return { type: 'schedule', delays: retry.delays_seconds.map((seconds) => seconds * 1000), ...shared }
  return { type: 'exponential-jitter', delay: retry.base_seconds * 1000, maxDelay: retry.max_seconds * 1000, ...shared }
}

/**
 * Not said in a job, as most have it: a million that wait are so much smaller. It belongs to the format of jobs, which outlive
 * the program that made them: the policy that is the default may change, this may not.
 */
const unsaid = { jitter: 0.2, honourRetryAfter: true }
const unsaidOf: Record<Backoff['type'], Record<string, unknown>> = {
  'exponential-jitter': { delay: 5_000, maxDelay: 86_400_000, ...unsaid },
  schedule: unsaid,
}

function packBackoff(backoff: Backoff): { type: string } {
  const known = unsaidOf[backoff.type]
  return Object.fromEntries(Object.entries(backoff).filter(([name, value]) => known[name] !== value)) as { type: string }
}

export function readBackoff({ opts }: Pick<Job, 'opts'>): Backoff {
  const said = opts.backoff as Partial<Backoff> & Pick<Backoff, 'type'>
  return Object.assign({}, unsaidOf[said.type], said) as Backoff
}

/** The job of an open delivery, to be run when its next attempt is due. Members of a batch have one job in common. */
export function jobOf(open: OpenDelivery, now: number, turn?: Turn): QueuedDelivery {
  const { id: deliveryId, eventId, webhookId, generation, step, lane } = open
  const batchId = batchOf(open)
  return {
    job: { deliveryId, eventId, webhookId, generation, step, ...(batchId && { batchId }), ...(lane && { lane }) },
    retry: open.retry,
    delayMs: Math.max(0, (open.nextAttemptAt ?? now) - now),
    ...(turn && { turn }),
  }
}

export const jobIdOf = (open: Pick<OpenDelivery, 'id' | 'batchId' | 'generation'>): string =>
  jobId(batchOf(open) ?? open.id, open.generation)

/** Sent again, a delivery is alone: the batch was that of the first time. */
export const batchOf = ({ batchId, generation }: Pick<OpenDelivery, 'batchId' | 'generation'>): string | null =>
  generation === 0 ? batchId : null
