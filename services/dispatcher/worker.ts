import { DelayedError, UnrecoverableError, Worker, type ConnectionOptions, type Job } from 'bullmq'
import type { Logger } from '../../shared/logger.ts'
import { afterwards, parkedMs, queueName, readBackoff, readJob, type DeliveryQueue } from '../../shared/queue.ts'
import { watchErrors, type Redis } from '../../shared/redis.ts'
import { deliver, type AttemptJob, type DeliverDeps } from './deliver.ts'
import type { Parking } from './parking.ts'
import type { DispatcherSettings } from './settings.ts'

/** Tells BullMQ that this attempt failed and when the next one is due. Without a stack, which would be kept in Redis and says nothing. */
class RetryLater extends Error {
  override readonly stack = ''
  readonly delayMs: number
  constructor(delayMs: number) {
    super(`next attempt in ${delayMs} ms`)
    this.delayMs = delayMs
  }
}

/** A fault of ours must not use up the receiver's attempts; the job waits this long and runs again. */
const pauseAfterFaultMs = 5_000

export type WorkerDeps = DeliverDeps & { parking: Parking; queue: Pick<DeliveryQueue, 'defer'> }
export type DeliveryWorker = {
  /** Takes no more jobs; what is under way goes on. */
  pause(): Promise<void>
  resume(): void
  stop(): Promise<void>
  isRunning(): boolean
}

/** The part of the settings that is the worker's own; its concurrency is a share of that of the process. */
export type WorkerSettings = Pick<DispatcherSettings, 'concurrency' | 'lockMs' | 'stalledMs' | 'drainMs'>
/** Where the jobs are. The connection is shared by all workers of the process; each makes one more of it, to wait on. */
export type WorkerPlace = { connection: Redis; prefix: string }

/** Takes jobs and runs `deliver` on each; translates what comes back into BullMQ's terms, and nothing else. */
export function startWorker({ connection, prefix }: WorkerPlace, settings: WorkerSettings, deps: WorkerDeps, log: Logger): DeliveryWorker {
  const stopping = new AbortController()
  /** Ends that Redis does not have yet. */
  const reporting = new Set<Promise<void>>()
  function follow(webhookId: string, freed: Promise<string[]>): void {
    // A job that is not let out now is let out by the next look, or by the queue.
    const reported = freed.then((jobs) => deps.parking.letGo(webhookId, jobs)).catch(() => {})
    reporting.add(reported)
    void reported.finally(() => reporting.delete(reported))
  }

  const worker = new Worker(queueName, (job, token) => work(job, token as string, deps, { signal: stopping.signal, follow, log }), {
    connection: connection as ConnectionOptions,
    prefix,
    concurrency: settings.concurrency,
    lockDuration: settings.lockMs,
    stalledInterval: settings.stalledMs,
    // A job whose dispatcher died is run again, however often that happens: giving up would lose it.
    maxStalledCount: 1_000_000,
    runRetryDelay: 1_000,
    ...afterwards,
    settings: { backoffStrategy: (_attemptsMade, _type, error) => (error instanceof RetryLater ? error.delayMs : pauseAfterFaultMs) },
  })
  watchErrors(worker as unknown as Parameters<typeof watchErrors>[0], (error) => log.warn({ err: error }, 'queue trouble'))
  worker.on('active', (job) => deps.observe?.taken(job, Date.now()))
  worker.on('lockRenewalFailed', (jobs) => log.warn({ jobs }, 'locks lost: these jobs may run twice'))

  return {
    pause: () => worker.pause(true),
    resume: () => worker.resume(),
    isRunning: () => worker.isRunning() && !stopping.signal.aborted,
    async stop() {
      const closed = worker.close()
      const abort = setTimeout(() => stopping.abort(), settings.drainMs)
      // BullMQ's close never resolves while Redis is away; the jobs then are found as stalled and run again.
      const giveUp = new Promise<void>((resolve) => setTimeout(resolve, settings.drainMs + 3_000).unref())
      await Promise.race([closed.then(() => Promise.all(reporting)), giveUp])
      clearTimeout(abort)
      stopping.abort()
    },
  }
}

type Surroundings = { signal: AbortSignal; follow(webhookId: string, freed: Promise<string[]>): void; log: Logger }

async function work(job: Job, token: string, deps: WorkerDeps, { signal, follow, log }: Surroundings): Promise<void> {
  const attempt = attemptOf(job)
  const next = await deliver(attempt, deps, signal).catch(async (fault: Error) => {
    if (!signal.aborted)
      log.error({ err: fault, deliveryId: attempt.deliveryId, webhookId: attempt.webhookId }, 'delivery faulted, will run again')
    await job.moveToDelayed(Date.now() + (signal.aborted ? 0 : pauseAfterFaultMs), token)
    throw new DelayedError()
  })
  if (next.kind === 'park' || next.kind === 'wait in line') {
    // First out of the worker's hands, then onto the list: what is let out at once must be there to be let out.
    await job.moveToDelayed(Date.now() + parkedMs, token)
    await (next.kind === 'park' ? deps.parking.park(attempt, next.limits) : deps.parking.standInLine(attempt))
    throw new DelayedError()
  }
  if (next.freed) follow(attempt.webhookId, next.freed)
  if (next.kind === 'retry') {
    // Tried again, it comes after fresh ones.
    if (job.priority === 0) await deps.queue.defer(attempt.jobId)
    throw new RetryLater(next.delayMs)
  }
  if (next.kind === 'give up') throw Object.assign(new UnrecoverableError(next.reason), { stack: '' })
}

function attemptOf(job: Job): AttemptJob {
  const data = readJob(job)
  const step = data.step + job.attemptsMade + 1
  return Object.assign({}, data, {
    jobId: job.id as string,
    step,
    attempts: data.step + (job.opts.attempts ?? 1),
    backoff: readBackoff(job),
    deaths: job.stalledCounter - job.attemptsMade,
  })
}
