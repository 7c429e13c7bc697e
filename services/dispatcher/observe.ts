import type { OutcomeEntry } from '../../shared/contracts/delivery.ts'
import type { Event } from '../../shared/contracts/event.ts'
import { idTime } from '../../shared/id.ts'
import { stageTimings, type Metrics } from '../../shared/metrics.ts'
import { noTracing, type Span, type Tracing } from '../../shared/tracing.ts'
import type { AttemptJob } from './deliver.ts'
import type { OpenWebhook } from './webhooks.ts'

type Finished = Extract<OutcomeEntry, { kind: 'finished' }>

export type DispatcherObserver = {
  /** A job came into the hands of this process. */
  taken(job: { timestamp: number; delay: number; attemptsStarted: number }, now: number): void
  /** @returns undefined while tracing is off */
  beginning(job: AttemptJob, events: Event[], webhook: OpenWebhook, at: number): Span | undefined
  finished(entries: Finished[], span: Span | undefined): void
  cancelled(deliveries: number): void
}

/** What a dispatcher tells of itself while it works. Thousands of times a second: everything that can be is found beforehand. */
export function observeDispatcher(metrics: Metrics, tracing: Tracing = noTracing): DispatcherObserver {
  const attempts = metrics.counter('tidings_attempts_total', 'Requests made, by what they led to.', ['outcome'])
  const ends = metrics.counter('tidings_deliveries_total', 'Deliveries that have come to an end, by their state.', ['state'])
  for (const outcome of ['succeeded', 'rejected', 'timed_out', 'unreachable', 'blocked']) attempts(outcome)
  for (const state of ['succeeded', 'failed', 'cancelled']) ends(state)
  const stage = stageTimings(metrics)
  const [queue, attempt, delivered] = [stage('queue'), stage('attempt'), stage('delivered')]

  return {
    taken({ timestamp, delay, attemptsStarted }, now) {
      // later turns of a job have waited on purpose
      if (attemptsStarted <= 1 && delay === 0) queue.observe(Math.max(0, now - timestamp) / 1_000)
    },
    beginning(job, [event, ...others], { url, id, format, scheme }, at) {
      if (!tracing.isOn) return undefined
      const links = others.flatMap(({ traceparent }) => traceparent ?? [])
      const attributes = {
        'tidings.delivery_id': job.deliveryId,
        'tidings.event_id': job.eventId,
        'tidings.webhook_id': id,
        'tidings.step': job.step,
        'tidings.format': format,
        'tidings.scheme': scheme,
        'messaging.batch.message_count': others.length + 1,
        'http.request.method': 'POST',
        // the host and no more: a path may be a secret
        'server.address': new URL(url).hostname,
      }
      return tracing.begin({ name: 'deliver', kind: 'client', at, parent: event?.traceparent, links, attributes })
    },
    finished(entries, span) {
      for (const { result, state, at, deliveryId, generation } of entries) {
        attempts(result.outcome).add()
        attempt.observe(result.timings.endMs / 1_000)
        if (state === 'retrying') continue
        ends(state).add()
        const acceptedAt = generation === 0 && state === 'succeeded' ? idTime(deliveryId) : undefined
        if (acceptedAt !== undefined) delivered.observe(Math.max(0, at - acceptedAt) / 1_000)
      }
      if (span && entries[0]) endSpan(span, entries[0])
    },
    cancelled: (deliveries) => ends('cancelled').add(deliveries),
  }
}

function endSpan(span: Span, { result, state, at, attemptId }: Finished): void {
  const { outcome, statusCode, error } = result
  const attributes = {
    'tidings.attempt_id': attemptId,
    'tidings.outcome': outcome,
    'tidings.state': state,
    'http.response.status_code': statusCode,
  }
  span.end(at, attributes, outcome === 'succeeded' ? undefined : (error ?? `answered ${statusCode}`))
}
