import { setTimeout as pause } from 'node:timers/promises'
import type { Clock } from '../../shared/clock.ts'
import type { OutcomeEntry } from '../../shared/contracts/delivery.ts'
import type { Logger } from '../../shared/logger.ts'
import { jobOf, type DeliveryQueue } from '../../shared/queue.ts'
import type { Redis } from '../../shared/redis.ts'
import type { Storage } from '../../shared/storage/storage.ts'
import { abandonedMs, openOutcomeStream, type Entry } from './outcome-stream.ts'
import { createStarts, type Told } from './starts.ts'
import { announceRegistry, decodeOutcomes, encodeOutcome, textOfOutcomes, type Bodies } from '../../shared/transport.ts'
import type { StatusObserver } from './observe.ts'

export type RecorderDeps = {
  /** A connection of its own: it blocks while it waits for entries. */
  redis: Redis
  prefix: string
  storage: Pick<Storage, 'deliveries' | 'ping'>
  bodies: Pick<Bodies, 'unlink'>
  queue: Pick<DeliveryQueue, 'add'>
  /** Not the blocking connection. */
  announce: Redis
  /** Unique among status processes that run at the same time. */
  consumer: string
  clock: Clock
  observe?: Pick<StatusObserver, 'recorded'> | undefined
  log: Logger
}
export type Recorder = { stop(): Promise<void> }

/** A commit to disk costs the same for one outcome as for all of this time. */
const gatherMs = 50
/** Asked to end, what is left in the stream is still recorded, as far as this time goes. */
const drainMs = 10_000
const pauseAfterFaultMs = 500
/** A batch that fails this often is tried entry by entry, so that one bad entry does not hold up all others. */
const wholeTries = 5

/**
 * Moves outcomes from the stream into the delivery log: read, one SQL transaction, and only then acknowledge and
 * delete. Dying in between means that the same entries come again, and the log absorbs them.
 */
export function startRecorder(deps: RecorderDeps): Recorder {
  const { redis, log } = deps
  const stream = openOutcomeStream(redis, deps.prefix, deps.consumer)
  const starts = createStarts()
  let stopping = false
  let failures = 0

  async function runBatches(): Promise<void> {
    let claimAt = 0
    let hasMore = false
    for (;;) {
      try {
        if (failures > 0) await handAll(stream.own())
        if (deps.clock.now() >= claimAt) {
          await handAll(stream.abandoned())
          claimAt = deps.clock.now() + abandonedMs
        }
        // Asked to stop, it goes on until nothing is left: a Redis without a disk would forget what is not in SQL.
        const readAt = deps.clock.now()
        const { entries, more } = await stream.read(stopping || hasMore)
        // what comes after a silence is recorded at once
        const idle = deps.clock.now() - readAt > gatherMs
        await hand(entries)
        failures = 0
        hasMore = more
        if (hasMore) continue
        await writing
        if (stopping && entries.length === 0) return await settle([], true)
        if (!stopping && entries.length > 0 && !idle) await pause(gatherMs)
      } catch (error) {
        await writing.catch(() => {})
        ;[writing, hasMore] = [Promise.resolve(), false]
        if (stopping) return
        // a wiped Redis has no group; should it be away by now, the next round finds out
        if (/NOGROUP/.test(String(error))) {
          // nobody else knows of what was held back
          await settle([], true).catch(() => {})
          await stream.createGroup().catch(() => {})
        } else {
          failures++
          starts.drop()
          log.warn({ err: error }, 'outcomes not recorded yet, will be repeated')
          await pause(pauseAfterFaultMs)
        }
      }
    }
  }

  let writing = Promise.resolve()
  /**
   * Resolves when what was handed over before is written: while that is, the next is fetched and decoded, and there is work
   * for both threads. After a failure one by one, since what is tried entry by entry has no order beyond that.
   */
  async function hand(entries: Entry[]): Promise<void> {
    const before = writing
    writing = write(entries)
    // looked at when its turn comes
    writing.catch(() => {})
    await (failures > 0 ? writing : before)
  }

  async function handAll(pages: AsyncIterable<Entry[]>): Promise<void> {
    for await (const entries of pages) await hand(entries)
    await writing
  }

  async function write(entries: Entry[]): Promise<void> {
    if (failures < wholeTries)
      return settle(entries.map(([id, fields]) => ({ id, text: textOfOutcomes(fields), outcomes: decodeOutcomes(fields) })))
    for (const entry of entries) {
      await recordEach(entry)
      await stream.forget([entry[0]])
    }
  }

  async function settle(told: Told[], all = false): Promise<void> {
    const { outcomes: due, texts, done } = starts.sift(told, deps.clock.now(), all)
    if (due.length > 0) await record(due, texts)
    if (done.length > 0) await stream.forget(done)
  }

  async function recordEach([id, fields]: Entry): Promise<void> {
    const outcomeEntries = attempt(() => decodeOutcomes(fields))
    if (outcomeEntries instanceof Error) return refuse(id, fields, outcomeEntries)
    for (const outcome of outcomeEntries) await record([outcome]).catch((error: unknown) => refuse(id, encodeOutcome(outcome), error))
  }

  /** Of two batches at once a database might begin with the later one. */
  let turn: Promise<unknown> = Promise.resolve()
  function recordInTurn(outcomeEntries: OutcomeEntry[], texts?: string[]): ReturnType<Storage['deliveries']['record']> {
    const recorded = turn.then(() => deps.storage.deliveries.record(outcomeEntries, deps.clock.now(), texts))
    turn = recorded.catch(() => {})
    return recorded
  }

  async function record(outcomeEntries: OutcomeEntry[], texts?: string[]): Promise<void> {
    const { finishedEvents, disabledWebhooks, opened } = await recordInTurn(outcomeEntries, texts)
    deps.observe?.recorded(outcomeEntries, deps.clock.now())
    // What does not get a job now is found by the reconciler.
    await deps.queue
      .add(opened.map((open) => jobOf(open, deps.clock.now())))
      .catch((error: unknown) => log.warn({ err: error }, 'deliveries not queued, left to the reconciler'))
    await deps.bodies.unlink(finishedEvents)
    if (disabledWebhooks.length > 0) {
      log.warn({ webhooks: disabledWebhooks }, 'webhooks disabled by their receivers')
      await announceRegistry(deps.announce, deps.prefix)
    }
  }

  /** Kept aside for a person to look at; the reconciler sees to the delivery. Only when the database itself answers. */
  async function refuse(entry: string, fields: string[], error: unknown): Promise<void> {
    // Writes, too: a database whose disk is full refuses everything, and says nothing about this one.
    await deps.storage.ping()
    log.error({ err: error, entry }, 'outcome refused by the log, kept aside')
    await stream.setAside(fields)
  }

  const batches = stream
    .createGroup()
    .catch(() => {})
    .then(runBatches)
  return {
    async stop() {
      stopping = true
      // With Redis away nothing can be drained, and waiting for it would only keep the process from ending.
      const patienceMs = redis.status === 'ready' ? drainMs : 0
      await Promise.race([batches, new Promise((resolve) => setTimeout(resolve, patienceMs).unref())])
    },
  }
}

function attempt<T>(work: () => T): T | Error {
  try {
    return work()
  } catch (error) {
    return error as Error
  }
}
