import { setTimeout as pause } from 'node:timers/promises'
import type { Clock } from '../../shared/clock.ts'
import { farMs } from '../../shared/contracts/delivery.ts'
import type { Logger } from '../../shared/logger.ts'
import { letOutForgotten } from './forgotten.ts'
import { batchOf, jobIdOf, jobOf, type DeliveryQueue } from '../../shared/queue.ts'
import type { Redis } from '../../shared/redis.ts'
import type { OpenDelivery, Storage } from '../../shared/storage/storage.ts'
import { noteShards } from '../../shared/usable-redis.ts'
import type { Shards } from '../../shared/shards.ts'
import { keys, lanesIn, openLanes } from '../../shared/transport.ts'
import type { StatusObserver } from './observe.ts'

export type ReconciledShard = { prefix: string; queue: Pick<DeliveryQueue, 'add' | 'alive' | 'forget' | 'promote' | 'hasten'> }
export type ReconcilerDeps = {
  redis: Redis
  /** Where that lies of which there is one, whatever the shards. */
  prefix: string
  storage: Pick<Storage, 'deliveries'>
  shards: Shards<ReconciledShard>
  /** Other work for one process at a time, done at every tick. */
  chores: (() => Promise<unknown>)[]
  self: string
  observe?: Pick<StatusObserver, 'interrupted'> | undefined
  clock: Clock
  log: Logger
}
export type Reconciler = { stop(): Promise<void> }

const tickMs = 1_000
/** A leader that is silent this long is replaced. */
const leaseMs = 10_000
const passEveryMs = 10_000
/** A delivery whose time has come is left this long to the queue before its job is looked for. */
const graceMs = 15_000
/** Longest timeout of a webhook, and the time for its job to be found stalled and run again. */
const attemptMs = 30_000 + 60_000
/** Outcomes that wait longer than this to be recorded mean that SQL is behind, and must not be believed yet. */
const lagMs = 5_000
const pageRows = 500
/** For outcomes on their way into SQL. */
const settleMs = 2_000

const whole = 'whole'
/** Pages of one pass; the next goes on where it stopped, so that a long backlog never keeps Redis busy. */
const passPages = 20

/**
 * Makes SQL the truth: what it says is due, or soon will be, has a job, whatever became of Redis. Runs in one status process at a
 * time; two at once would only do the same work twice, as jobs are added under ids that follow from the delivery.
 */
export function startReconciler(deps: ReconcilerDeps): Reconciler {
  const { leader } = keys(deps.prefix)
  const { redis, shards, storage, clock, log } = deps
  const lanes = lanesIn(shards.map(({ prefix }) => openLanes(redis, prefix)))
  let nextPassAt = 0
  let resumeAfter: OpenDelivery | undefined
  let stopping = false

  async function tick(): Promise<void> {
    if (!(await lead())) return
    const emptied = await findEmptied()
    if (emptied.size > 0) await makeWhole(emptied)
    else if (clock.now() >= nextPassAt) await pass()
    for (const chore of deps.chores) await chore()
  }

  /** The mark is only missing where Redis is new or was wiped, perhaps one server of several: then every open delivery of that shard that had a job has lost it. */
  async function findEmptied(): Promise<Set<ReconciledShard>> {
    const marks = await Promise.all(shards.all.map(({ prefix }) => redis.get(keys(prefix).epoch)))
    return new Set(shards.all.filter((_, i) => marks[i] !== whole))
  }

  /** Whatever ends this before its end, or wipes Redis meanwhile, has it begun again. */
  async function makeWhole(emptied: Set<ReconciledShard>): Promise<void> {
    const mark = (set: (epoch: string) => Promise<unknown>) => Promise.all([...emptied].map(({ prefix }) => set(keys(prefix).epoch)))
    await noteShards(redis, deps.prefix, shards.all.length)
    await mark((epoch) => redis.set(epoch, 'restoring'))
    await restoreAll(emptied)
    if (!stopping) await mark((epoch) => redis.set(epoch, whole, 'XX'))
  }

  /** All line up in their lanes before the first of them gets a job; what waits in SQL gets none. */
  async function restoreAll(emptied: Set<ReconciledShard>): Promise<void> {
    await forAllDue(emptied, Number.MAX_SAFE_INTEGER, lineUp)
    await forAllDue(emptied, clock.now() + farMs, async (page) => putBack(await withoutJob(page)))
  }

  async function forAllDue(emptied: Set<ReconciledShard>, before: number, work: (page: OpenDelivery[]) => Promise<void>): Promise<void> {
    for (let after: OpenDelivery | undefined; !stopping; ) {
      const page = await storage.deliveries.dueBefore(before, pageRows, after)
      await work(page.filter(({ webhookId }) => emptied.has(shards.of(webhookId))))
      after = page.at(-1)
      if (page.length < pageRows) return
    }
  }

  const lineUp = (page: OpenDelivery[]) =>
    lanes.enter(
      page.flatMap((open) => (open.lane === null ? [] : { ...open, lane: open.lane, batchId: batchOf(open), jobId: jobIdOf(open) })),
    )

  async function pass(): Promise<void> {
    nextPassAt = clock.now() + passEveryMs
    const missing: OpenDelivery[] = []
    for (let pages = 0; pages < passPages && !stopping; pages++) {
      const page = await storage.deliveries.dueBefore(clock.now() - graceMs, pageRows, resumeAfter)
      const without = new Set(await withoutJob(page))
      missing.push(...without)
      const withJob = page.filter((open) => !without.has(open))
      await eachShard(withJob, (shard, some) => letOutForgotten(some, { redis, storage, ...shard }))
      resumeAfter = page.length < pageRows ? undefined : page.at(-1)
      if (resumeAfter === undefined) break
    }
    await putBackIfLost(missing)
    const interrupted = await storage.deliveries.interrupt(clock.now() - attemptMs, clock.now())
    if (interrupted > 0) deps.observe?.interrupted(interrupted)
    if (interrupted > 0) log.warn({ attempts: interrupted }, 'attempts without an end marked as interrupted')
  }

  /** Between the end of a job and the record of its outcome a delivery looks open and has none: look again later. */
  async function putBackIfLost(missing: OpenDelivery[]): Promise<void> {
    if (missing.length === 0) return
    await pause(settleMs)
    await eachShard(missing, async (shard, some) => {
      if (await lagging(shard)) return
      const open = await storage.deliveries.stillOpen(some.map(({ id }) => id))
      // by now one may have been left to wait in SQL
      const due = open.filter(({ nextAttemptAt }) => nextAttemptAt !== null && nextAttemptAt < clock.now())
      await putBack(await withoutJob(due))
    })
  }

  async function putBack(lost: OpenDelivery[]): Promise<void> {
    if (lost.length === 0) return
    await lineUp(lost)
    await eachShard(lost, async ({ queue }, some) => {
      await queue.forget(some.map(jobIdOf))
      await queue.add(some.map((open) => jobOf(open, clock.now())))
    })
    log.warn({ deliveries: lost.length }, 'jobs put back that Redis had lost')
  }

  async function withoutJob(page: OpenDelivery[]): Promise<OpenDelivery[]> {
    const alive = await eachShard(page, ({ queue }, some) => queue.alive(some.map(jobIdOf)))
    return page.filter((open) => !alive.some((ids) => ids.has(jobIdOf(open))))
  }

  const eachShard = <T>(page: OpenDelivery[], work: (shard: ReconciledShard, some: OpenDelivery[]) => Promise<T>): Promise<T[]> =>
    Promise.all(shards.divide(page, ({ webhookId }) => webhookId).map(([shard, some]) => work(shard, some)))

  async function lagging({ prefix }: ReconciledShard): Promise<boolean> {
    const oldest = (await redis.xrange(keys(prefix).outcomes, '-', '+', 'COUNT', 1))[0]?.[0]
    return oldest !== undefined && clock.now() - Number(oldest.split('-')[0]) > lagMs
  }

  async function lead(): Promise<boolean> {
    if ((await redis.set(leader, deps.self, 'PX', leaseMs, 'NX')) === 'OK') return true
    if ((await redis.get(leader)) !== deps.self) return false
    await redis.pexpire(leader, leaseMs)
    return true
  }

  async function runTicks(): Promise<void> {
    for (let failed = false; !stopping; await pause(tickMs)) {
      await tick().then(
        () => void (failed = false),
        (error: unknown) => {
          if (!failed && !stopping) log.warn({ err: error }, 'reconciling failed, will be repeated')
          failed = true
        },
      )
    }
  }

  const ticks = runTicks()
  return {
    async stop() {
      stopping = true
      await ticks
      // Hand over at once; should this fail, the lease runs out by itself.
      if ((await redis.get(leader).catch(() => null)) === deps.self) await redis.del(leader).catch(() => {})
    },
  }
}
