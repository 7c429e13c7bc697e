import type { Envelope } from '../../shared/contracts/event.ts'
import { refusalCounter } from '../../shared/http/metrics.ts'
import { stageTimings, tellDependencies, type Metrics, type Reading } from '../../shared/metrics.ts'
import type { Problem } from '../../shared/problem.ts'
import { noTracing, readTraceparent, type Span, type Tracing } from '../../shared/tracing.ts'
import type { Submission } from './accept.ts'
import type { Pressure } from './pressure.ts'

export type IngestObserver = {
  /** Before events are committed: their envelopes carry its `traceparent`. */
  accepting(submission: Submission, now: number): Accepting
  /** All jobs of these events are made. */
  fannedOut(events: FannedOut[], since: number, now: number): void
  refused(problem: Problem): void
}
/** `traceparent` without tracing is that of the sender, handed on as it came. */
export type Accepting = { traceparent: string | undefined; accepted(events: { duplicate: boolean }[], now: number): void }
type FannedOut = { event: { envelope: Envelope; receivedAt: number }; deliveries: number }

/** What ingest tells of itself while it works, in metrics and in traces. */
export function observeIngest(metrics: Metrics, tracing: Tracing = noTracing): IngestObserver {
  const accepted = metrics.counter('tidings_events_accepted_total', 'Events committed to disk and answered with 202.')()
  const repeated = metrics.counter(
    'tidings_events_repeated_total',
    'Events that were accepted before, and are answered with the same id.',
  )()
  const fannedOut = metrics.counter('tidings_events_fanned_out_total', 'Events matched, by whether any webhook wanted them.', ['matched'])
  const [wanted, unwanted] = [fannedOut('some'), fannedOut('none')]
  const stage = stageTimings(metrics)
  const [accept, fanOut] = [stage('accept'), stage('fan_out')]
  const refusals = refusalCounter(metrics)

  function beginAccept({ organizationId, source, drafts }: Submission, parent: string | undefined, at: number): Span | undefined {
    if (!tracing.isOn) return undefined
    const attributes = {
      'tidings.organization_id': organizationId,
      'tidings.source': source,
      'messaging.batch.message_count': drafts.length,
    }
    return tracing.begin({ name: 'accept', kind: 'server', at, parent, attributes })
  }

  return {
    accepting(submission, at) {
      const parent = readTraceparent(submission.headers.traceparent)
      const span = beginAccept(submission, parent, at)
      const startedAt = performance.now()
      return {
        traceparent: span?.traceparent ?? parent,
        accepted(events, now) {
          accept.observe((performance.now() - startedAt) / 1_000)
          const fresh = events.filter(({ duplicate }) => !duplicate).length
          accepted.add(fresh)
          repeated.add(events.length - fresh)
          span?.end(now, { 'tidings.accepted': fresh })
        },
      }
    },
    fannedOut(events, since, now) {
      for (const { event, deliveries } of events) {
        const { id, type, traceparent: parent } = event.envelope
        ;(deliveries > 0 ? wanted : unwanted).add()
        fanOut.observe(Math.max(0, now - event.receivedAt) / 1_000)
        if (parent === undefined || !tracing.isOn) continue
        const attributes = { 'tidings.event_id': id, 'tidings.event_type': type, 'tidings.deliveries': deliveries }
        tracing.begin({ name: 'fan-out', kind: 'internal', at: since, parent, attributes })?.end(now)
      }
    },
    refused: ({ code }) => refusals(code).add(),
  }
}

/** What is read when somebody asks. */
export function tellOfIngest(metrics: Metrics, states: () => Promise<Record<string, string>>, pressure: Pick<Pressure, 'state'>): void {
  tellDependencies(metrics, states)
  metrics.gauge(
    'tidings_pressure',
    'Whether there is too little room: refusing, events are answered 503; holding, no jobs are added.',
    ['state'],
    () => {
      const { refuse, hold } = pressure.state().judgement
      return [reading(refuse === undefined ? 0 : 1, 'refusing'), reading(hold ? 1 : 0, 'holding')]
    },
  )
  metrics.gauge(
    'tidings_room_bytes',
    'Redis memory in use and its limit (0: none), and what is free on the disk of the database.',
    ['what'],
    () => {
      const { redisUsed, redisLimit, diskFree } = pressure.state().load
      const known = { redis_used: redisUsed, redis_limit: redisLimit, disk_free: diskFree }
      return Object.entries(known).flatMap(([what, value]) => (value === undefined ? [] : { value, labels: { what } }))
    },
  )
}

const reading = (value: number, state: string): Reading => ({ value, labels: { state } })
