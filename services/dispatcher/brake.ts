import type { Logger } from '../../shared/logger.ts'
import type { Redis } from '../../shared/redis.ts'
import { keys } from '../../shared/transport.ts'

export type Brake = { stop(): void }

/** Outcomes that wait to be recorded, in all shards: with so many of them, more would only fill Redis. */
const tooMany = 50_000
const fewAgain = 25_000
const lookEveryMs = 1_000

type Braked = { pause(): Promise<void>; resume(): void }

/** Takes no more jobs while status does not keep up with what was done: nothing is delivered that the log might never hear of. */
export function startBrake(redis: Redis, prefix: string, share: number, worker: Braked, log: Logger): Brake {
  const { outcomes } = keys(prefix)
  let braked = false

  async function look(): Promise<void> {
    const waiting = await redis.xlen(outcomes)
    if (!braked && waiting > tooMany * share) {
      braked = true
      log.warn({ outcomes: waiting }, 'the log is behind: no more jobs are taken until it has caught up')
      await worker.pause()
    } else if (braked && waiting < fewAgain * share) {
      braked = false
      log.warn('the log has caught up: jobs are taken again')
      worker.resume()
    }
  }

  let looking = false
  const timer = setInterval(() => {
    if (looking) return
    looking = true
    // With Redis away no job is taken anyway.
    void look()
      .catch(() => {})
      .finally(() => (looking = false))
  }, lookEveryMs)
  return { stop: () => clearInterval(timer) }
}
