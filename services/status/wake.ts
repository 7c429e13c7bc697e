import type { Clock } from '../../shared/clock.ts'
import { jobOf, type DeliveryQueue } from '../../shared/queue.ts'
import type { Storage } from '../../shared/storage/storage.ts'

type Deps = { storage: Pick<Storage, 'deliveries'>; queue: Pick<DeliveryQueue, 'add'>; clock: Clock }

/** Far longer than from one look to the next, and than a leader takes to be replaced: no job comes after its time. */
const aheadMs = 60_000
const pageRows = 500
/** Pages of one look; the next goes on where it stopped. */
const pagesPerLook = 20

/**
 * A chore for the reconciler: gives those that wait in SQL for their time a job, when it comes near. One that has its job
 * all the while keeps it.
 *
 * What was due before the first look is not for this: whether its job is lost, or has just ended and SQL has not heard of it
 * yet, is what the reconciler's pass knows to tell.
 */
export function wakeFar({ storage, queue, clock }: Deps): () => Promise<void> {
  let seen = { nextAttemptAt: 0, id: '' }
  return async () => {
    const now = clock.now()
    const until = now + aheadMs
    // the first look, the first after a long pause, or after one by a clock that went wrong
    if (seen.nextAttemptAt < now || seen.nextAttemptAt > until) seen = { nextAttemptAt: now, id: '' }
    for (let pages = 0; pages < pagesPerLook; pages++) {
      const page = await storage.deliveries.dueBefore(until, pageRows, seen)
      // Before its first attempt a delivery has a job from whoever made it, in its lane behind others perhaps.
      await queue.add(page.filter(({ step }) => step > 0).map((open) => jobOf(open, clock.now())))
      const last = page.length < pageRows ? undefined : page.at(-1)
      seen = { nextAttemptAt: last?.nextAttemptAt ?? until, id: last?.id ?? '' }
      if (!last) return
    }
  }
}
