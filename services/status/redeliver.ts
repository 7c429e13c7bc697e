import { jobOf } from '../../shared/queue.ts'
import type { StatusDeps } from './deps.ts'
import { advanceReplay, type ReplayDeps } from './replay.ts'

/** One commit and a few pipelines: other writers and other jobs get their turn in between. */
const piece = 500
/** However long ago the last call was, no more comes at once than of so many seconds. */
const longestPauseMs = 2_000

/**
 * A chore for the reconciler: advances every running redelivery and replay, at a rate that leaves room for fresh events. Resolves
 * with how many deliveries were opened. Rows come first: should the process die before their jobs are added, the reconciler
 * finds open deliveries without a job.
 */
export function redeliverSteadily(deps: ReplayDeps): () => Promise<number> {
  let lastAt = deps.clock.now() - longestPauseMs
  return async () => {
    const now = deps.clock.now()
    const running = await allRunning(deps)
    let allowed = Math.floor((Math.min(now - lastAt, longestPauseMs) / 1_000) * deps.settings.redeliveryRate)
    lastAt = now
    let opened = 0
    for (const [i, run] of running.entries()) {
      // several advance side by side, each with its share of what is left
      const share = Math.ceil(allowed / (running.length - i))
      const count = await run(share)
      allowed -= count
      opened += count
    }
    if (opened > 0) deps.log.info({ deliveries: opened }, 'deliveries opened again, or for old events')
    return opened
  }
}

/** Each opens at most so many deliveries when it is called. */
async function allRunning(deps: ReplayDeps): Promise<((most: number) => Promise<number>)[]> {
  const [redeliveries, replays] = await Promise.all([deps.storage.redeliveries.running(), deps.storage.replays.running()])
  return [
    ...redeliveries.map(
      ({ id }) =>
        (most: number) =>
          advance(id, most, deps),
    ),
    ...replays.map((replay) => (most: number) => advanceReplay(replay, most, deps)),
  ]
}

async function advance(id: string, most: number, deps: Pick<StatusDeps, 'storage' | 'queue' | 'clock'>): Promise<number> {
  let opened = 0
  while (opened < most) {
    const size = Math.min(piece, most - opened)
    const list = await deps.storage.redeliveries.advance(id, size, deps.clock.now())
    await deps.queue.add(list.map((open) => jobOf(open, deps.clock.now(), 'bulk')))
    opened += list.length
    if (list.length < size) break
  }
  return opened
}
