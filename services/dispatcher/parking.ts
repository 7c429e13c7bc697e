import type { Logger } from '../../shared/logger.ts'
import type { DeliveryQueue } from '../../shared/queue.ts'
import type { Redis } from '../../shared/redis.ts'
import { keys, laneMember } from '../../shared/transport.ts'
import type { Attempted, Limits } from './report.ts'
import { forgo as forgoScript, look as lookScript, park as parkScript } from './scripts.ts'

export type Parking = {
  /**
   * Puts a job aside that the queue keeps as delayed. It costs nothing while it waits: nobody looks at it until its
   * webhook has room for it again.
   */
  park(job: Attempted, limits: Limits): Promise<void>
  /** For a job that waits for an earlier one of its lane, and might have missed its end. */
  standInLine(job: Attempted): Promise<void>
  /** Jobs of one webhook that were let out. */
  letGo(webhookId: string, jobs: string[]): Promise<void>
  stop(): void
}

const lookEveryMs = 200
/** While jobs leave at their pace: the end of an attempt that comes too soon for the next one lets none out. */
const lookAgainMs = 100
/** Webhooks looked after in one look. */
const webhooksPerLook = 100

/**
 * Looks after the webhooks for which jobs wait. The end of each attempt lets the next ones out; this is for what no end
 * of an attempt comes for: a breaker whose time has come, a rate limit, a dispatcher that died.
 */
export function startParking(
  redis: Redis,
  prefix: string,
  queue: Pick<DeliveryQueue, 'promote'>,
  slots: () => number,
  log: Logger,
): Parking {
  const key = keys(prefix)
  redis.defineCommand('tidingsPark', { numberOfKeys: 5, lua: parkScript })
  redis.defineCommand('tidingsLook', { numberOfKeys: 5, lua: lookScript })
  redis.defineCommand('tidingsForgo', { numberOfKeys: 2, lua: forgoScript })
  const scripted = redis as Redis & {
    tidingsPark(...args: (string | number)[]): Promise<string[]>
    tidingsLook(...args: (string | number)[]): Promise<string[]>
    tidingsForgo(...args: string[]): Promise<null>
  }
  const lot = (webhookId: string) => [key.gate(webhookId), key.busy(webhookId), key.out(webhookId), key.parked(webhookId), key.parking]

  async function letGo(webhookId: string, jobs: string[]): Promise<void> {
    if (jobs.length === 0) return
    const gone = await queue.promote(jobs)
    // Made while they were put here, as happens when processes die: they would keep places from those that are still to be made.
    if (gone.length > 0) await scripted.tidingsForgo(key.gate(webhookId), key.out(webhookId), ...gone)
  }

  /** @returns whether any was let out */
  async function look(): Promise<boolean> {
    const [seconds] = await redis.time()
    // to the second: what is looked at a moment too early is looked at again
    const due = await redis.zrangebyscore(key.parking, '-inf', (Number(seconds) + 1) * 1000, 'LIMIT', 0, webhooksPerLook)
    const freed = await Promise.all(due.map((webhookId) => scripted.tidingsLook(...lot(webhookId), webhookId, Math.ceil(slots() / 2))))
    await Promise.all(due.map((webhookId, i) => letGo(webhookId, freed[i] as string[])))
    return freed.some((jobs) => jobs.length > 0)
  }

  let failed = false
  let stopped = false
  async function lookOnce(): Promise<void> {
    try {
      lookIn((await look()) ? lookAgainMs : lookEveryMs)
      failed = false
    } catch (error) {
      if (!failed) log.warn({ err: error }, 'parked deliveries not looked after, will be repeated')
      failed = true
      lookIn(lookEveryMs)
    }
  }
  let timer: NodeJS.Timeout | undefined
  function lookIn(ms: number): void {
    if (!stopped) timer = setTimeout(() => void lookOnce(), ms)
  }
  lookIn(lookEveryMs)

  return {
    letGo,
    async park({ jobId, webhookId }, limits) {
      await letGo(webhookId, await scripted.tidingsPark(...lot(webhookId), webhookId, jobId, limits.cap, limits.rate, limits.leaseMs))
    },
    async standInLine(job) {
      const [head] = job.lane ? await redis.zrange(key.lane(job.lane), '0', '0') : []
      if (head === laneMember(job)) await letGo(job.webhookId, [job.jobId])
    },
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}
