import { Queue, type ConnectionOptions } from 'bullmq'
import { connectRedis, failFast, watchErrors, type RedisTarget } from './redis.ts'

export const lookupQueueName = 'lookups'

/** The most that a source may set; SQL counts and decides, so that a wiped Redis neither adds nor takes attempts. */
const mostAttempts = 20
const chunk = 500

/** The queue of lookups. A job is the id of a partial event and nothing else: it waits in SQL. */
export type LookupQueue = {
  /** Adds what is not there yet. Resolves when Redis has all. */
  add(lookups: { id: string; delayMs?: number }[]): Promise<void>
  close(): Promise<void>
}

export function openLookupQueue(target: RedisTarget, onError: (error: Error) => void): LookupQueue {
  const connection = connectRedis(target, failFast, () => {})
  const bull = new Queue(lookupQueueName, {
    connection: connection as ConnectionOptions,
    prefix: target.prefix,
    streams: { events: { maxLen: 1_000 } },
    skipVersionCheck: true,
  })
  watchErrors(bull as unknown as Parameters<typeof watchErrors>[0], onError)
  return {
    async add(lookups) {
      for (let at = 0; at < lookups.length; at += chunk) {
        await bull.addBulk(
          lookups.slice(at, at + chunk).map(({ id, delayMs = 0 }) => ({
            name: 'look up',
            data: { partialId: id },
            opts: {
              jobId: id,
              attempts: mostAttempts,
              // The worker knows what the source has set and what the answer asks for.
              backoff: { type: 'lookup' },
              ...(delayMs > 0 && { delay: delayMs }),
              // SQL is the log, and a job that is kept would stand in the way of the next under its id.
              removeOnComplete: true,
              removeOnFail: true,
              stackTraceLimit: 1,
            },
          })),
        )
      }
    },
    async close() {
      await bull.close()
      connection.disconnect()
    },
  }
}
