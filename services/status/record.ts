import { setTimeout as pause } from 'node:timers/promises'
import type { Clock } from '../../shared/clock.ts'
import type { OutcomeEntry } from '../../shared/contracts/delivery.ts'
import type { Logger } from '../../shared/logger.ts'
import { jobOf, type DeliveryQueue } from '../../shared/queue.ts'
import type { Redis } from '../../shared/redis.ts'
import type { Storage } from '../../shared/storage/storage.ts'
import { createStarts, type Told } from './starts.ts'
import { announceRegistry, decodeOutcomes, encodeOutcome, keys, textOfOutcomes, type Bodies } from '../../shared/transport.ts'
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

const group = 'log'
const batchEntries = 100
/** Of a transaction: about a thousand attempts. Whoever else writes waits until it is done. */
const partChars = 1024 * 1024
const partsAtOnce = 2
/** A commit to disk costs the same for one outcome as for all of this time. */
const gatherMs = 50
const blockMs = 250
/** Asked to end, what is left in the stream is still recorded, as far as this time goes. */
const drainMs = 10_000
/** Entries that a dead status process had taken are taken over after this time. */
const abandonedMs = 15_000
const pauseAfterFaultMs = 500
/** A batch that fails this often is tried entry by entry, so that one bad entry does not hold up all others. */
const wholeTries = 5

type Entry = [id: string, fields: string[]]

/**
 * Moves outcomes from the stream into the delivery log: read, one SQL transaction, and only then acknowledge and
 * delete. Dying in between means that the same entries come again, and the log absorbs them.
 */
export function startRecorder(deps: RecorderDeps): Recorder {
  const { redis, log } = deps
  const { outcomes } = keys(deps.prefix)
  const starts = createStarts()
  let stopping = false
  let failures = 0

  async function runBatches(): Promise<void> {
    let claimAt = 0
    let full = false
    for (;;) {
      try {
        if (deps.clock.now() >= claimAt) {
          await takeOver()
          claimAt = deps.clock.now() + abandonedMs
        }
        // Asked to stop, it goes on until nothing is left: a Redis without a disk would forget what is not in SQL.
        const readAt = deps.clock.now()
        const entries = await read(stopping || full)
        // what comes after a silence is recorded at once
        const idle = deps.clock.now() - readAt > gatherMs
        await writeParts(entries)
        failures = 0
        full = entries.length === batchEntries
        if (full) continue
        await written()
        if (stopping && entries.length === 0) return await settle([], true)
        if (!stopping && entries.length > 0 && !idle) await pause(gatherMs)
      } catch (error) {
        await Promise.allSettled(underWay.splice(0))
        full = false
        if (stopping) return
        // a wiped Redis has no group; should it be away by now, the next round finds out
        if (/NOGROUP/.test(String(error))) {
          // nobody else knows of what was held back
          await settle([], true).catch(() => {})
          await createGroup().catch(() => {})
        } else {
          failures++
          starts.drop()
          log.warn({ err: error }, 'outcomes not recorded yet, will be repeated')
          claimAt = 0
          await pause(pauseAfterFaultMs)
        }
      }
    }
  }

  /** From the beginning of the stream: what was written before we came counts too. */
  async function createGroup(): Promise<void> {
    await redis.xgroup('CREATE', outcomes, group, '0', 'MKSTREAM').catch((error: Error) => {
      if (!error.message.includes('BUSYGROUP')) throw error
    })
  }

  async function read(atOnce: boolean): Promise<Entry[]> {
    const from = ['STREAMS', outcomes, '>'] as const
    const answer = (await (atOnce
      ? redis.xreadgroup('GROUP', group, deps.consumer, 'COUNT', batchEntries, ...from)
      : redis.xreadgroup('GROUP', group, deps.consumer, 'COUNT', batchEntries, 'BLOCK', blockMs, ...from))) as [string, Entry[]][] | null
    return answer?.[0]?.[1] ?? []
  }

  /** What others had that died, and our own that failed: idle time tells both from what is being worked on. */
  async function takeOver(): Promise<void> {
    const idleMs = failures > 0 ? 0 : abandonedMs
    for (let from = '0'; ; ) {
      const claim = redis.xautoclaim(outcomes, group, deps.consumer, idleMs, from, 'COUNT', batchEntries)
      const [next, entries] = (await claim) as [string, Entry[]]
      await writeParts(entries.filter((entry) => entry[1] !== null))
      from = next
      if (from === '0-0') return written()
    }
  }

  /** Parts that are being written, the earliest first. */
  const underWay: Promise<void>[] = []
  /** While some parts are written and forgotten, the next is decoded, or fetched: there is work for both threads. */
  async function writeParts(entries: Entry[]): Promise<void> {
    for (const part of partsOf(entries)) {
      const writing = write(part)
      // looked at when its turn comes
      writing.catch(() => {})
      underWay.push(writing)
      if (underWay.length === partsAtOnce) await underWay.shift()
    }
  }

  async function written(): Promise<void> {
    while (underWay.length > 0) await underWay.shift()
  }

  async function write(entries: Entry[]): Promise<void> {
    if (failures < wholeTries)
      return settle(entries.map(([id, fields]) => ({ id, text: textOfOutcomes(fields), outcomes: decodeOutcomes(fields) })))
    for (const entry of entries) {
      await recordEach(entry)
      await forget([entry[0]])
    }
  }

  async function settle(told: Told[], all = false): Promise<void> {
    const { outcomes: due, texts, done } = starts.sift(told, deps.clock.now(), all)
    if (due.length > 0) await record(due, texts)
    if (done.length > 0) await forget(done)
  }

  async function recordEach([id, fields]: Entry): Promise<void> {
    const outcomeEntries = attempt(() => decodeOutcomes(fields))
    if (outcomeEntries instanceof Error) return refuse(id, fields, outcomeEntries)
    for (const outcome of outcomeEntries) await record([outcome]).catch((error: unknown) => refuse(id, encodeOutcome(outcome), error))
  }

  async function record(outcomeEntries: OutcomeEntry[], texts?: string[]): Promise<void> {
    const { finishedEvents, disabledWebhooks, opened } = await deps.storage.deliveries.record(outcomeEntries, deps.clock.now(), texts)
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

  async function forget(ids: string[]): Promise<void> {
    await redis
      .pipeline()
      .xack(outcomes, group, ...ids)
      .xdel(outcomes, ...ids)
      .exec()
  }

  /** Kept aside for a person to look at; the reconciler sees to the delivery. Only when the database itself answers. */
  async function refuse(entry: string, fields: string[], error: unknown): Promise<void> {
    // Writes, too: a database whose disk is full refuses everything, and says nothing about this one.
    await deps.storage.ping()
    log.error({ err: error, entry }, 'outcome refused by the log, kept aside')
    await redis.xadd(`${outcomes}:refused`, '*', ...fields)
  }

  const batches = createGroup()
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

/** At least one, for what was held back may be due; none so short that the next is not there when it has been written. */
function partsOf(entries: Entry[]): Entry[][] {
  const sizes = entries.map(([, fields]) => textOfOutcomes(fields).length)
  const total = sizes.reduce((sum, size) => sum + size, 0)
  const most = Math.max(1, total / Math.max(1, Math.round(total / partChars)))
  const parts: Entry[][] = [[]]
  let chars = 0
  for (const [i, entry] of entries.entries()) {
    if (chars >= most) parts.push([])
    if (chars >= most) chars -= most
    parts.at(-1)?.push(entry)
    chars += sizes[i] as number
  }
  return parts
}

function attempt<T>(work: () => T): T | Error {
  try {
    return work()
  } catch (error) {
    return error as Error
  }
}
