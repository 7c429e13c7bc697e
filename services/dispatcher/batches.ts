import type { DeliveryJob } from '../../shared/queue.ts'
import type { Storage } from '../../shared/storage/storage.ts'

/** One delivery that a job makes. */
export type Member = { deliveryId: string; eventId: string; generation: number }
export type Batches = {
  /** The deliveries that a job makes: its own one, or those of its batch that are still open. */
  membersOf(job: DeliveryJob): Promise<Member[]>
}

/** SQL knows who belongs to a batch; a job of ids would grow with it, and could say something else. */
export function openBatches(storage: Pick<Storage, 'deliveries'>): Batches {
  return {
    async membersOf({ batchId, deliveryId, eventId, generation }) {
      return batchId === undefined ? [{ deliveryId, eventId, generation }] : storage.deliveries.openInBatch(batchId)
    },
  }
}
