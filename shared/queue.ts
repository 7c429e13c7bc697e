import { Queue, type ConnectionOptions, type JobsOptions } from 'bullmq'
import { z } from 'zod'
import type { RetryPolicy } from './contracts/retry.ts'
import { jobId } from './id.ts'
import { failFast, redisOptions, watchErrors, type RedisTarget } from './redis.ts'
import type { OpenDelivery } from './storage/storage.ts'

export const queueName = 'deliveries'

/** All that a job says. No payload and no secret: both would lie in Redis in clear text, once for each delivery. */
export const DeliveryJob = z.object({
  deliveryId: z.string(),
  eventId: z.string(),
  webhookId: z.string(),
  organizationId: z.string(),
  generation: z.int(),
  /** Attempts that this generation had before the job was made (again). */
  step: z.int(),
})
export type DeliveryJob = z.infer<typeof DeliveryJob>
export type QueuedDelivery = { job: DeliveryJob; retry: RetryPolicy; delayMs?: number }

/** The retry policy as it travels in the job's own options: what was decided when the job was made stays in force. */
export type Backoff =
  | { type: 'exponential-jitter'; delay: number; maxDelay: number; jitter: number; honourRetryAfter: boolean }
  | { type: 'schedule'; delays: number[]; jitter: number; honourRetryAfter: boolean }

export type DeliveryQueue = {
  /** Adds what is not there yet; a job that exists under its id is left as it is. Resolves when Redis has all. */
  add(deliveries: QueuedDelivery[]): Promise<void>
  /** Which of these jobs wait, are delayed or run; a finished job does not count. */
  alive(jobs: { deliveryId: string; generation: number }[]): Promise<Set<string>>
  /** Forgets finished jobs, so that their ids can be added again. */
  forget(jobs: { deliveryId: string; generation: number }[]): Promise<void>
  counts(): Promise<Record<string, number>>
  /** For Bull Board alone. */
  bull: Queue
  close(): Promise<void>
}

/** A chunk is one pipeline of BullMQ: small enough that other commands are not kept waiting. */
const chunk = 500

export function openQueue(target: RedisTarget, onError: (error: Error) => void): DeliveryQueue {
  const bull = new Queue(queueName, {
    connection: { ...redisOptions(target.url), ...failFast } as ConnectionOptions,
    prefix: target.prefix,
    streams: { events: { maxLen: 1_000 } },
    // BullMQ asks a new connection for its version, once: should Redis die at that moment, the queue would be broken for good.
    skipVersionCheck: true,
  })
  watchErrors(bull as unknown as Parameters<typeof watchErrors>[0], onError)

  return {
    bull,
    async add(deliveries) {
      for (let at = 0; at < deliveries.length; at += chunk) {
        // addBulk is a pipeline and no transaction: when it throws, some may have been added, and repeating is harmless.
        await bull.addBulk(
          deliveries
            .slice(at, at + chunk)
            .map(({ job, retry, delayMs }) => ({ name: 'deliver', data: job, opts: jobOptions(job, retry, delayMs) })),
        )
      }
    },
    async alive(jobs) {
      // By the job's own hash: its state would be looked for in lists that are as long as the backlog.
      const found = await Promise.all(jobs.map((job) => bull.getJob(jobId(job.deliveryId, job.generation))))
      return new Set(found.filter((job) => job && job.finishedOn === undefined).map((job) => job?.id as string))
    },
    async forget(jobs) {
      await Promise.all(jobs.map((job) => bull.remove(jobId(job.deliveryId, job.generation))))
    },
    counts: () => bull.getJobCounts('waiting', 'delayed', 'active', 'prioritized'),
    async close() {
      // Taking leave needs a Redis that answers. From one that is away the connection is cut, and BullMQ would wait for
      // an end of it that ioredis never announces.
      await bull.close().catch(() => void bull.disconnect().catch(() => {}))
    },
  }
}

function jobOptions(job: DeliveryJob, retry: RetryPolicy, delayMs = 0): JobsOptions {
  const attempts = retry.strategy === 'schedule' ? retry.delays_seconds.length + 1 : retry.attempts
  return {
    jobId: jobId(job.deliveryId, job.generation),
    attempts: Math.max(1, attempts - job.step),
    backoff: backoffOf(retry) as unknown as NonNullable<JobsOptions['backoff']>,
    ...(delayMs > 0 && { delay: delayMs }),
    // Finished jobs stay long enough to absorb a repeated fan-out, and no longer: SQL is the log.
    removeOnComplete: { age: 900, count: 5_000 },
    removeOnFail: { age: 3_600, count: 10_000 },
    stackTraceLimit: 1,
  }
}

function backoffOf(retry: RetryPolicy): Backoff {
  const shared = { jitter: retry.jitter, honourRetryAfter: retry.honour_retry_after }
  if (retry.strategy === 'schedule') return { type: 'schedule', delays: retry.delays_seconds.map((seconds) => seconds * 1000), ...shared }
  return { type: 'exponential-jitter', delay: retry.base_seconds * 1000, maxDelay: retry.max_seconds * 1000, ...shared }
}

/** The job of an open delivery, to be run when its next attempt is due. */
export function jobOf(open: OpenDelivery, now: number): QueuedDelivery {
  const { id: deliveryId, eventId, webhookId, organizationId, generation, step } = open
  return {
    job: { deliveryId, eventId, webhookId, organizationId, generation, step },
    retry: open.retry,
    delayMs: Math.max(0, (open.nextAttemptAt ?? now) - now),
  }
}
