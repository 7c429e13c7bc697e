import { setTimeout as pause } from 'node:timers/promises'
import type { Clock } from '../../shared/clock.ts'
import { jobIdOf, jobOf, parkedMs, type DeliveryQueue } from '../../shared/queue.ts'
import type { Redis } from '../../shared/redis.ts'
import type { Shards } from '../../shared/shards.ts'
import type { Storage } from '../../shared/storage/storage.ts'
import { keys } from '../../shared/transport.ts'

type Deps = {
  redis: Redis
  shards: Shards<{ prefix: string; queue: Pick<DeliveryQueue, 'add'> }>
  storage: Pick<Storage, 'deliveries' | 'webhooks'>
  clock: Clock
}

/** With fewer parked for it than this, a webhook has room for some more. */
const roomBelow = 500
/** Of one webhook at one tick: somewhat more than leave the parking lot until the next. */
const mostPerTick = 300
/** Each piece is a commit and so many jobs at once, for which whoever is next has to wait: few, and spread over the tick. */
const piece = 30
const betweenMs = 100
/** Webhooks of one tick: others of the reconciler's chores want their turn. */
const webhooksPerTick = 20

/**
 * A chore for the reconciler: parks held deliveries of webhooks for which few are parked by now, the oldest first. They
 * come out of the parking lot in its stream, like all that wait there.
 */
export function releaseHeld(deps: Deps): () => Promise<void> {
  const keyOf = (webhookId: string) => keys(deps.shards.of(webhookId).prefix)
  let lastServed = ''

  /** What a dispatcher notes when it parks: let out, they are within what the webhook allows. */
  async function noteLimits(webhookId: string): Promise<void> {
    const webhook = await deps.storage.webhooks.load(webhookId)
    const limits = { rate: webhook?.rateLimit ?? 0, ...(webhook?.maxInFlight && { cap: webhook.maxInFlight }) }
    await deps.redis.hset(keyOf(webhookId).gate(webhookId), limits)
  }

  /** @returns whether more are held */
  async function parkSome(webhookId: string): Promise<boolean> {
    const now = deps.clock.now()
    const key = keyOf(webhookId)
    const list = await deps.storage.deliveries.release(webhookId, piece, now)
    if (list.length === 0) return false
    // A job that is not made now, or does not get onto the list, is found by the pass.
    await deps.shards.of(webhookId).queue.add(list.map((open) => ({ ...jobOf(open, now), delayMs: parkedMs })))
    await deps.redis.zadd(key.parked(webhookId), ...list.flatMap((open) => [now, jobIdOf(open)]))
    // looked at soon, where it is not known when
    await deps.redis.zadd(key.parking, 'NX', 0, webhookId)
    return list.length === piece
  }

  return async () => {
    const held = await deps.storage.deliveries.heldWebhooks()
    const parked = await Promise.all(held.map((webhookId) => deps.redis.zcard(keyOf(webhookId).parked(webhookId))))
    const roomy = held.filter((_, i) => (parked[i] as number) < roomBelow)
    const inTurn = [...roomy.filter((webhookId) => webhookId > lastServed), ...roomy.filter((webhookId) => webhookId <= lastServed)]
    let waiting = inTurn.slice(0, webhooksPerTick)
    lastServed = waiting.at(-1) ?? lastServed
    await Promise.all(waiting.map(noteLimits))
    for (let parkedNow = 0; waiting.length > 0 && parkedNow < mostPerTick; parkedNow += piece) {
      if (parkedNow > 0) await pause(betweenMs)
      const more = await inSequence(waiting, parkSome)
      waiting = waiting.filter((_, i) => more[i])
    }
  }
}

async function inSequence<T, R>(list: T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (const one of list) results.push(await work(one))
  return results
}
