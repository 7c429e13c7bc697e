import { Worker, type ConnectionOptions } from 'bullmq'
import type { Clock } from '../../shared/clock.ts'
import type { EventDraft } from '../../shared/contracts/event.ts'
import { SendAborted, type Sender } from '../../shared/http/send.ts'
import type { Logger } from '../../shared/logger.ts'
import { lookupQueueName, type LookupQueue } from '../../shared/lookup-queue.ts'
import { connectRedis, waitForever, watchErrors, type RedisTarget } from '../../shared/redis.ts'
import type { Registry } from '../../shared/registry.ts'
import type { Vault } from '../../shared/secrets.ts'
import type { DuePartial, PartialEvent, SealedLookup, Source, Storage } from '../../shared/storage/storage.ts'
import { acceptAlong, collect, viewOf, type CollectDeps } from './collect.ts'
import { complete, lookupDelay, lookupUrl, type LookupAnswer, type LookupOutcome } from './lookup.ts'
import type { SourceAdapter } from './source.ts'

export type LookupDeps = CollectDeps & {
  storage: Pick<Storage, 'partials' | 'sources'>
  queue: LookupQueue
  adapters: Registry<SourceAdapter>
  vault: Vault
  sender: Pick<Sender, 'send'>
  clock: Clock
  random(): number
  log: Logger
}
export type Lookups = {
  /** Has what was just committed looked up. Never waits: what Redis does not take is found in SQL by the sweep. */
  offer(partialIds: string[]): void
  stop(): Promise<void>
}

const sweepEveryMs = 2_000
/** What is due is left this long to its own job. */
const graceMs = 2_000
const sweepRows = 500
const day = 24 * 3_600_000
/** As long as a repeat is told by its id. */
const keptMs = 7 * day
const failedKeptMs = 30 * day
const forgetEveryMs = 60_000
const forgottenRows = 1_000
const stopMs = 3_000

/** Tells BullMQ that this attempt led to nothing and when the next one is due. */
class RetryLater extends Error {
  readonly delayMs: number
  constructor(delayMs: number) {
    super(`next lookup in ${delayMs} ms`)
    this.delayMs = delayMs
  }
}
const pauseAfterFaultMs = 5_000

const delayAfter = (error: Error | undefined): number => {
  if (error instanceof RetryLater) return error.delayMs
  return error instanceof SendAborted ? 0 : pauseAfterFaultMs
}

/**
 * Looks up partial events, each as a job of a queue of its own, so that a slow system behind one source holds up no
 * delivery. SQL says what waits and since when; a job only brings it up, and one that is lost is put back from there.
 */
export function startLookups(target: RedisTarget, concurrency: number, deps: LookupDeps): Lookups {
  const { storage, queue, clock, log } = deps
  const stopping = new AbortController()
  let after: DuePartial | undefined
  let nextForgetAt = 0
  let failed = false

  const connection = connectRedis(target, waitForever, () => {})
  const worker = new Worker(
    lookupQueueName,
    (job) => lookUp(String((job.data as { partialId?: unknown }).partialId), deps, stopping.signal),
    {
      connection: connection as ConnectionOptions,
      prefix: target.prefix,
      concurrency,
      lockDuration: 15_000,
      stalledInterval: 5_000,
      // A job whose process died is run again, however often that happens.
      maxStalledCount: 1_000_000,
      runRetryDelay: 1_000,
      settings: { backoffStrategy: (_attemptsMade, _type, error) => delayAfter(error) },
    },
  )
  watchErrors(worker as unknown as Parameters<typeof watchErrors>[0], (error) => log.warn({ err: error }, 'queue trouble'))
  worker.on('failed', (job, error) => {
    if (!(error instanceof RetryLater) && !(error instanceof SendAborted))
      log.error({ err: error, jobId: job?.id }, 'lookup faulted, will run again')
  })

  /** A job that is there under its id stays as it is, so that adding all that is due puts back only what is lost. */
  async function sweep(before: number): Promise<void> {
    const page = await storage.partials.due(before, sweepRows, after)
    after = page.length < sweepRows ? undefined : page.at(-1)
    if (page.length > 0) await queue.add(page.map(({ id }) => ({ id })))
    if (clock.now() < nextForgetAt) return
    const forgotten = await storage.partials.forget({ ended: clock.now() - keptMs, failed: clock.now() - failedKeptMs }, forgottenRows)
    if (forgotten < forgottenRows) nextForgetAt = clock.now() + forgetEveryMs
  }

  const swept = (graced: number) =>
    sweep(clock.now() - graced).then(
      () => void (failed = false),
      (error: unknown) => {
        if (!failed && !stopping.signal.aborted) log.warn({ err: error }, 'lookups could not be put back, will be repeated')
        failed = true
      },
    )
  let sweeping = swept(0)
  const timer = setInterval(() => void (sweeping = sweeping.then(() => swept(graceMs))), sweepEveryMs)

  return {
    offer(partialIds) {
      if (partialIds.length === 0) return
      queue.add(partialIds.map((id) => ({ id }))).catch((error: unknown) => log.debug({ err: error }, 'lookups wait in SQL'))
    },
    async stop() {
      clearInterval(timer)
      stopping.abort()
      // BullMQ's close never resolves while Redis is away; the jobs then are found as stalled and run again.
      const giveUp = new Promise<void>((resolve) => setTimeout(resolve, stopMs).unref())
      await Promise.race([worker.close(), giveUp])
      connection.disconnect()
      await sweeping
    },
  }
}

/** How often one job looks again because the event was sent again meanwhile. */
const mostLooks = 5

async function lookUp(partialId: string, deps: LookupDeps, signal: AbortSignal): Promise<void> {
  for (let looks = 0; looks < mostLooks; looks++) {
    const partial = await deps.storage.partials.load(partialId)
    if (partial?.state !== 'waiting') return
    if (await lookUpOnce(partial, deps, signal)) return
  }
  throw new RetryLater(1_000)
}

/** `false`: it was sent again meanwhile, and what was found may be older than that. */
async function lookUpOnce(partial: PartialEvent, deps: LookupDeps, signal: AbortSignal): Promise<boolean> {
  const source = await deps.storage.sources.find(partial.organizationId, partial.source)
  const found = source?.lookup && (await ask(partial, source, source.lookup, deps, signal))
  if (!source?.lookup || !found) return give(up(partial, null, 'the source is gone, or has no lookup any more; set it, and retry'), deps)
  if ('refused' in found) return give(up(partial, null, found.refused), deps)
  const attempt = { partial, attempts: partial.attempts + 1, statusCode: 'status' in found ? found.status : null }
  const outcome = complete(partial, found, source.lookup)
  if (outcome.action === 'accept') return acceptCompleted(source, attempt, outcome, deps)
  if (outcome.action === 'discard') return give({ ...attempt, state: 'discarded', reason: outcome.reason }, deps)
  if (attempt.attempts >= source.lookup.attempts) return give({ ...attempt, state: 'failed', reason: outcome.reason }, deps)
  const delayMs = lookupDelay(attempt.attempts, source.lookup.base_seconds, deps.random(), found.retryAfterMs)
  const now = deps.clock.now()
  await deps.storage.partials.postpone(partial.id, { ...attempt, reason: outcome.reason, nextAttemptAt: now + delayMs }, now)
  throw new RetryLater(delayMs)
}

type Attempt = { partial: PartialEvent; attempts: number; statusCode: number | null }
type End = Attempt & { state: 'discarded' | 'failed'; reason: string }
const up = (partial: PartialEvent, statusCode: number | null, reason: string): End => ({
  partial,
  attempts: partial.attempts + 1,
  statusCode,
  state: 'failed',
  reason,
})

async function give({ partial, ...end }: End, { storage, clock, log }: LookupDeps): Promise<boolean> {
  const ended = await storage.partials.end(partial.id, partial.receivedAt, end, clock.now())
  if (ended) log.info({ partialId: partial.id, source: partial.source, state: end.state, reason: end.reason }, 'lookup ended')
  return ended
}

type Found = (LookupAnswer & { retryAfterMs?: number | undefined }) | { refused: string }

async function ask(partial: PartialEvent, source: Source, lookup: SealedLookup, deps: LookupDeps, signal: AbortSignal): Promise<Found> {
  const url = lookupUrl(lookup.url, partial)
  if (url === undefined) return { refused: 'the event lacks what the URL of the lookup needs' }
  const own = lookup.headers ? (JSON.parse(deps.vault.open(lookup.headers, source.id)) as Record<string, string>) : {}
  const headers = { accept: 'application/json', 'accept-encoding': 'identity', 'user-agent': 'Tidings', ...own }
  const result = await deps.sender.send({ method: 'GET', url, headers, timeoutMs: lookup.timeout_ms, signal })
  if (result.outcome === 'blocked') return { refused: result.error ?? 'this address is not allowed as a destination' }
  if (result.statusCode === undefined) return { error: result.error ?? 'no answer' }
  if (result.responseTruncated) return { error: 'the answer is cut off, or larger than an event may be' }
  const seconds = /^\s*(\d{1,6})\s*$/.exec(result.retryAfter ?? '')?.[1]
  return {
    status: result.statusCode,
    body: Buffer.from(result.responseBody ?? ''),
    retryAfterMs: seconds === undefined ? undefined : Number(seconds) * 1000,
  }
}

/** The event and the end of the partial one are one transaction: whatever dies, the event is told once. */
async function acceptCompleted(
  source: Source,
  { partial, attempts, statusCode }: Attempt,
  { deleted, text }: Extract<LookupOutcome, { action: 'accept' }>,
  deps: LookupDeps,
): Promise<boolean> {
  const raw = Buffer.from(text)
  const type = deleted ? partial.draft.type.replace(/\.(created|updated)$/, '.deleted') : partial.draft.type
  const sourceEventId = partial.draft.sourceEventId ?? partial.id
  const draft: EventDraft = { ...partial.draft, type, sourceEventId, raw, data: { start: 0, end: raw.length } }
  const view = viewOf(source, deps.adapters.get(source.adapter))
  const occasion = {
    headers: partial.headers,
    partial: { id: partial.id, receivedAt: partial.receivedAt, attempts, statusCode, reason: null },
  }
  const done = view ? await collect(view, [draft], occasion, deps) : await acceptAlong(source, [draft], occasion, deps)
  return done !== undefined
}
