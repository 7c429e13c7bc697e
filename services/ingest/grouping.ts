import { createId } from '../../shared/id.ts'
import type { Format } from '../../shared/payload/format.ts'
import type { Registry } from '../../shared/registry.ts'
import type { NewDelivery, Terms } from '../../shared/storage/storage.ts'

/**
 * Puts deliveries to one webhook that come together into batches, as large as the webhook takes. Nothing is held back to
 * fill one: with little to do each event goes at once, and with much to do the batches fill by themselves.
 */
export function intoBatches(
  deliveries: NewDelivery[],
  termsOf: (webhookId: string) => Terms | undefined,
  formats: Registry<Format>,
): NewDelivery[] {
  const filling = new Map<string, { batchId: string; room: number }>()
  const together = new Map<string, number>()
  for (const { webhookId } of deliveries) together.set(webhookId, (together.get(webhookId) ?? 0) + 1)

  return deliveries.map((delivery) => {
    const terms = termsOf(delivery.webhookId)
    if (!terms || sizeOf(terms, formats) === 1) return delivery
    // One that is alone needs no batch, unless batches stand in line and an event's own id would be out of their order.
    if (together.get(delivery.webhookId) === 1 && terms.order === null) return delivery
    let batch = filling.get(delivery.webhookId)
    if (!batch || batch.room === 0) {
      batch = { batchId: createId(), room: sizeOf(terms, formats) }
      filling.set(delivery.webhookId, batch)
    }
    batch.room--
    return { ...delivery, batchId: batch.batchId }
  })
}

const sizeOf = ({ batchSize, format }: Terms, formats: Registry<Format>): number =>
  batchSize > 1 && formats.has(format) && formats.get(format).renderBatch ? batchSize : 1
