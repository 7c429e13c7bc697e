import type { OutcomeEntry } from '../../shared/contracts/delivery.ts'
import { stageTimings, type Metrics } from '../../shared/metrics.ts'
import { noTracing, type Tracing } from '../../shared/tracing.ts'

export type StatusObserver = {
  /** These are in the log now. */
  recorded(entries: OutcomeEntry[], now: number): void
  /** Attempts that turned out to have no end. */
  interrupted(attempts: number): void
}

/** What status tells of its writing into the log. */
export function observeStatus(metrics: Metrics, tracing: Tracing = noTracing): StatusObserver {
  const recorded = metrics.counter('tidings_outcomes_recorded_total', 'Outcomes written into the log, repetitions included.')()
  const interrupted = metrics.counter('tidings_attempts_total', 'Requests made, by what they led to.', ['outcome'])('interrupted')
  const record = stageTimings(metrics)('record')

  return {
    recorded(entries, now) {
      recorded.add(entries.length)
      for (const entry of entries) {
        if (entry.kind !== 'finished') continue
        record.observe(Math.max(0, now - entry.at) / 1_000)
        const { traceparent: parent, attemptId, deliveryId, state, at } = entry
        if (parent === undefined || !tracing.isOn) continue
        const attributes = { 'tidings.attempt_id': attemptId, 'tidings.delivery_id': deliveryId, 'tidings.state': state }
        tracing.begin({ name: 'record', kind: 'consumer', at, parent, attributes })?.end(now)
      }
    },
    interrupted: (attempts) => interrupted.add(attempts),
  }
}
