import { openQueueOn } from '../../shared/queue.ts'
import type { Redis } from '../../shared/redis.ts'
import type { Watch } from '../../shared/watch.ts'
import { startBrake } from './brake.ts'
import { joinFleet } from './fleet.ts'
import { startParking } from './parking.ts'
import { openReport } from './report.ts'
import { startRetell } from './retell.ts'
import type { DispatcherSettings } from './settings.ts'
import { workWhileTrusted } from './trusted.ts'
import { startWorker, type WorkerDeps } from './worker.ts'

/** What all shards of a process have in common. */
export type ShardDeps = {
  self: string
  redis: Redis
  /** What workers do and what they report: one connection, as Redis is to know how an attempt ended before its job ends. */
  working: Redis
  /** For who only puts something into a queue, and does not wait for a Redis that is away. */
  queueing: Redis
  watch: Pick<Watch, 'whenTrusted'>
  delivering: Omit<WorkerDeps, 'report' | 'slots' | 'parking' | 'queue'>
  settings: DispatcherSettings
}

export type RunningShard = {
  isRunning(): boolean
  /** Takes no more jobs; resolves when those under way have ended. */
  drain(): Promise<void>
  stop(): Promise<void>
}

/**
 * Delivers what is in one shard: its worker, and whoever looks after what lies beside its queue.
 *
 * @param share the part that this shard has in what one process may hold back
 */
export function startShard(prefix: string, concurrency: number, share: number, deps: ShardDeps): RunningShard {
  const { self, redis, working, queueing, delivering, settings } = deps
  const { log } = delivering
  const retell = startRetell(working, prefix, self, share, log)
  const fleet = joinFleet(redis, prefix, self, concurrency)
  const queue = openQueueOn(queueing, prefix, () => {})
  const parking = startParking(redis, prefix, queue, fleet.slots, log)
  const report = openReport(working, prefix, retell, settings, log)
  const workerDeps = { ...delivering, report, slots: fleet.slots, parking, queue }
  const start = () => startWorker({ connection: working, prefix }, { ...settings, concurrency }, workerDeps, log)
  const worker = workWhileTrusted(deps.watch, start)
  const brake = startBrake(redis, prefix, share, worker, log)

  return {
    isRunning: worker.isRunning,
    async drain() {
      brake.stop()
      await worker.stop()
    },
    async stop() {
      parking.stop()
      fleet.stop()
      retell.stop()
      await queue.close()
    },
  }
}
