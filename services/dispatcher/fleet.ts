import type { Redis } from '../../shared/redis.ts'
import { keys } from '../../shared/transport.ts'

export type Fleet = {
  /** Requests that all dispatchers together can have under way. */
  slots(): number
  stop(): void
}

const signEveryMs = 2_000
const silentMs = 10_000

/** Dispatchers know of one another what they can do, so that a webhook's share is a share of all of it. */
export function joinFleet(redis: Redis, prefix: string, self: string, concurrency: number): Fleet {
  const { fleet } = keys(prefix)
  const member = `${self}/${concurrency}`
  let slots = concurrency

  async function sign(): Promise<void> {
    const now = Number((await redis.time())[0]) * 1000
    const answers = await redis
      .multi()
      .zadd(fleet, now, member)
      .zremrangebyscore(fleet, '-inf', now - silentMs)
      .zrange(fleet, '0', '-1')
      .exec()
    const members = (answers?.[2]?.[1] ?? [member]) as string[]
    slots = members.reduce((sum, one) => sum + Number(one.split('/')[1]), 0)
  }

  // With Redis away the last number stands.
  void sign().catch(() => {})
  const timer = setInterval(() => void sign().catch(() => {}), signEveryMs)
  return {
    slots: () => Math.max(slots, concurrency),
    stop() {
      clearInterval(timer)
      void redis.zrem(fleet, member).catch(() => {})
    },
  }
}
