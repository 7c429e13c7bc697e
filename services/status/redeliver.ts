import { setTimeout as pause } from 'node:timers/promises'
import { jobOf } from '../../shared/queue.ts'
import type { StatusDeps } from './deps.ts'
import { advanceReplay, type ReplayDeps } from './replay.ts'

/** Of a second's worth so much comes at once: whoever is next would have to wait for all of it. One commit and a few pipelines at most. */
const pieceShare = 0.2
const largestPiece = 500
const betweenMs = 20
/** However long ago the last call was, no more comes at once than of so many seconds. */
const longestPauseMs = 2_000

/** Opens so many deliveries at most. Fewer: there is nothing more to be done now. */
type Run = (most: number) => Promise<number>

/**
 * A chore for the reconciler: advances every running redelivery and replay, at a rate and in pieces that leave room for fresh
 * events. Resolves with how many deliveries were opened. Rows come first: should the process die before their jobs are added,
 * the reconciler finds open deliveries without a job.
 */
export function redeliverSteadily(deps: ReplayDeps): () => Promise<number> {
  const { redeliveryRate } = deps.settings
  const piece = Math.min(Math.ceil(redeliveryRate * pieceShare), largestPiece)
  let lastAt = deps.clock.now() - longestPauseMs

  /** Several advance side by side, each with its share. */
  async function advanceAll(running: Run[], most: number): Promise<{ opened: number; running: Run[] }> {
    const share = Math.ceil(most / running.length)
    let opened = 0
    const unfinished: Run[] = []
    for (const run of running) {
      const asked = Math.min(share, most - opened)
      const count = asked > 0 ? await run(asked) : 0
      opened += count
      if (count === asked) unfinished.push(run)
    }
    return { opened, running: unfinished }
  }

  return async () => {
    const now = deps.clock.now()
    const allowed = Math.floor((Math.min(now - lastAt, longestPauseMs) / 1_000) * redeliveryRate)
    lastAt = now
    let running = await allRunning(deps)
    let opened = 0
    while (running.length > 0 && opened < allowed) {
      if (opened > 0) await pause(betweenMs)
      const round = await advanceAll(running, Math.min(piece, allowed - opened))
      opened += round.opened
      running = round.running
    }
    if (opened > 0) deps.log.info({ deliveries: opened }, 'deliveries opened again, or for old events')
    return opened
  }
}

async function allRunning(deps: ReplayDeps): Promise<Run[]> {
  const [redeliveries, replays] = await Promise.all([deps.storage.redeliveries.running(), deps.storage.replays.running()])
  return [
    ...redeliveries.map(
      ({ id }): Run =>
        (most) =>
          advance(id, most, deps),
    ),
    ...replays.map(
      (replay): Run =>
        (most) =>
          advanceReplay(replay, most, deps),
    ),
  ]
}

async function advance(
  id: string,
  most: number,
  { storage, queue, clock }: Pick<StatusDeps, 'storage' | 'queue' | 'clock'>,
): Promise<number> {
  const list = await storage.redeliveries.advance(id, most, clock.now())
  await queue.add(list.map((open) => jobOf(open, clock.now(), 'bulk')))
  return list.length
}
