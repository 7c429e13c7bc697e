import { jobOf } from '../../shared/queue.ts'
import type { StatusDeps } from './deps.ts'

/** One commit and a few pipelines: other writers and other jobs get their turn in between. */
const piece = 500
/** What one redelivery may take of one call, so that several advance side by side. */
const piecesPerCall = 10

/**
 * Advances every running redelivery by some pieces; resolves with how many deliveries were opened. Rows come first:
 * should the process die before their jobs are added, the reconciler finds open deliveries without a job.
 */
export async function advanceRedeliveries(deps: Pick<StatusDeps, 'storage' | 'queue' | 'clock' | 'log'>): Promise<number> {
  let opened = 0
  for (const redelivery of await deps.storage.redeliveries.running()) {
    for (let pieces = 0; pieces < piecesPerCall; pieces++) {
      const list = await deps.storage.redeliveries.advance(redelivery.id, piece, deps.clock.now())
      await deps.queue.add(list.map((open) => jobOf(open, deps.clock.now(), 'bulk')))
      opened += list.length
      if (list.length < piece) break
    }
  }
  if (opened > 0) deps.log.info({ deliveries: opened }, 'deliveries opened again')
  return opened
}
