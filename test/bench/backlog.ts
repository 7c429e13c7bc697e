import { connectForQueues, openQueueOn } from '../../shared/queue.ts'
import { connectRedis, waitForever } from '../../shared/redis.ts'
import { shardTargets } from '../../shared/shards.ts'
import { keys } from '../../shared/transport.ts'

/** What lies in Redis to be done, over all shards of it. */
export type Backlog = {
  pause(): Promise<void>
  resume(): Promise<void>
  /** Deliveries that nobody works at yet. */
  waiting(): Promise<number>
  /** Deliveries that have no end in the stream. */
  unfinished(): Promise<number>
  /** Entries of the stream that status has not recorded yet. */
  unrecorded(): Promise<number>
  close(): Promise<void>
}

const sum = (counts: number[]) => counts.reduce((total, one) => total + one, 0)

export function openBacklog(url: string, shards: number): Backlog {
  const target = { url, prefix: '{tidings}' }
  const prefixes = shardTargets(target, shards).all.map(({ prefix }) => prefix)
  const redis = connectRedis(target, waitForever, () => {})
  const connection = connectForQueues(target, () => {})
  const queues = prefixes.map((prefix) => openQueueOn(connection, prefix, () => {}))
  const all = <T>(ask: (bull: (typeof queues)[number]['bull']) => Promise<T>) => Promise.all(queues.map(({ bull }) => ask(bull)))
  return {
    pause: async () => void (await all((bull) => bull.pause())),
    resume: async () => void (await all((bull) => bull.resume())),
    waiting: async () => sum(await all((bull) => bull.getJobCountByTypes('waiting', 'prioritized', 'delayed'))),
    unfinished: async () => sum(await all((bull) => bull.getJobCountByTypes('waiting', 'prioritized', 'delayed', 'active'))),
    unrecorded: async () => sum(await Promise.all(prefixes.map((prefix) => redis.xlen(keys(prefix).outcomes)))),
    async close() {
      await Promise.all(queues.map((queue) => queue.close()))
      connection.disconnect()
      redis.disconnect()
    },
  }
}
