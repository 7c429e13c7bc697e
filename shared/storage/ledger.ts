import type { DeliveryState } from '../contracts/delivery.ts'

/** The account of a time range: where each accepted event stands, and which of them do not add up. */
export type Ledger = {
  accepted: number
  delivered: number
  failed: number
  cancelled: number
  pending: number
  matchedNothing: number
  /** Of the pending ones, those that were not matched yet. */
  notFannedOut: number
  deliveries: Record<DeliveryState, number>
  partials: Record<'waiting' | 'accepted' | 'discarded' | 'failed', number>
  /** How many events do not add up; the names of a page of them, in the order of their acceptance. */
  unbalanced: number
  imbalances: Imbalance[]
  /** Up to here, this time not included, the range was read. */
  readTo: number
}

export type ImbalanceReason = 'not_counted' | 'deliveries_missing' | 'deliveries_unexpected' | 'attempts_missing'
export type Imbalance = { eventId: string; receivedAt: number; reason: ImbalanceReason; matched: number | null; deliveries: number }

export type LedgerStore = {
  /** One read, of one moment, of about `most` events from the beginning of the range: a long range is read in pieces, so that no other reader waits. */
  read(
    organizationId: string,
    range: { from: number; to: number },
    page: { most: number /** of names; may be 0 */; limit: number; after?: Pick<Imbalance, 'eventId' | 'receivedAt'> | undefined },
  ): Promise<Ledger>
}
