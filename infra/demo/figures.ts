import type { Ledger, LoggedDelivery } from './account.ts'

/** Milliseconds from accept to delivery, as the log has both. */
export type Latency = { deliveries: number; p50_ms: number | null; p99_ms: number | null }
export type Figures = {
  matched: number
  delivered: number
  /** Requests made again by a retry policy. */
  retried: number
  /** Deliveries that used up their attempts, before anything was mended. */
  failed: number
  redelivered: number
  /** Events that a receiver took once more than it was meant to. */
  duplicates: number
  first_attempt: Latency
  overall: Latency
}

/** @param failed deliveries that had failed when the day was over, by receiver */
export function figuresOf(ledger: Ledger, failed: Record<string, number>, receiver?: string): Figures {
  const deliveries = ledger.deliveries.filter((delivery) => receiver === undefined || delivery.receiver === receiver)
  const delivered = deliveries.filter(({ status }) => status === 'succeeded')
  const failures = Object.entries(failed).filter(([name]) => receiver === undefined || name === receiver)
  return {
    matched: deliveries.length,
    delivered: delivered.length,
    retried: sum(deliveries.map(({ attempts, generation }) => Math.max(0, attempts - generation - 1))),
    failed: sum(failures.map(([, count]) => count)),
    redelivered: sum(deliveries.map(({ generation }) => generation)),
    duplicates: duplicatesOf(ledger, receiver),
    first_attempt: latencyOf(delivered.filter(({ attempts }) => attempts === 1)),
    overall: latencyOf(delivered),
  }
}

function duplicatesOf({ receipts }: Ledger, receiver: string | undefined): number {
  const taken = receipts.filter(
    ({ status, receiver: name }) => status !== null && status < 300 && (receiver === undefined || name === receiver),
  )
  return taken.length - new Set(taken.map(({ eventId, receiver: name }) => `${eventId} ${name}`)).size
}

function latencyOf(delivered: LoggedDelivery[]): Latency {
  const times = delivered.map(({ acceptedAt, deliveredAt }) => (deliveredAt ?? 0) - acceptedAt).sort((a, b) => a - b)
  return { deliveries: times.length, p50_ms: quantile(times, 0.5), p99_ms: quantile(times, 0.99) }
}

/** Nearest rank: a time that was really measured. */
const quantile = (sorted: number[], share: number): number | null => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null
const sum = (numbers: number[]): number => numbers.reduce((total, number) => total + number, 0)
