import type { OutcomeEntry } from '../../contracts/delivery.ts'
import type { OpenDelivery } from '../storage.ts'
import type { Db } from './database.ts'
import { followUps } from './follow-ups.ts'

type Finished = Extract<OutcomeEntry, { kind: 'finished' }>
type Started = Extract<OutcomeEntry, { kind: 'started' }>
type Cancelled = Extract<OutcomeEntry, { kind: 'cancelled' }>
type Recorded = { finishedEvents: string[]; disabledWebhooks: string[]; opened: OpenDelivery[] }

/**
 * Writes a batch of outcomes. The stream may bring an entry twice, or bring `finished` without `started`; every
 * statement therefore states the condition under which it moves a row forward, and none moves one back. Plain SQL:
 * this is the hottest write of the service, and each condition should be read as it runs.
 */
export function recorder(db: Db): (entries: OutcomeEntry[], now: number) => Recorded {
  const write = statements(db)
  const then = followUps(db)

  function start(entry: Started | Finished, startedAt: number): void {
    const inserted = write.insertAttempt.run({ ...ids(entry), startedAt })
    if (inserted.changes === 0) return
    write.countAttempt.run({ deliveryId: entry.deliveryId, startedAt })
    // An earlier attempt without an end, now that the next has begun, will not get one.
    write.interruptEarlier.run({ deliveryId: entry.deliveryId, attemptId: entry.attemptId, now: startedAt })
  }

  function finish(entry: Finished): boolean {
    start(entry, entry.startedAt)
    if (write.finishAttempt.run(attemptColumns(entry)).changes === 0) return false
    const moved = write.moveDelivery.run(deliveryColumns(entry)).changes === 1
    noteHealth(entry)
    return moved && entry.state !== 'retrying'
  }

  function noteHealth(entry: Finished): void {
    if (entry.result.outcome === 'succeeded') return void write.healthy.run({ webhookId: entry.webhookId, at: entry.at })
    const reason = entry.result.error ?? `answered ${entry.result.statusCode}`
    const { webhookId, at, nextAttemptAt, state, result } = entry
    const exhausted = state === 'failed' && !result.permanent ? 1 : 0
    write.unhealthy.run({ webhookId, at, outcome: result.outcome, statusCode: result.statusCode ?? null, reason, nextAttemptAt, exhausted })
  }

  function cancel({ deliveryId, generation, reason }: Cancelled, now: number): boolean {
    return write.cancel.run({ deliveryId, generation, reason, now }).changes === 1
  }

  return (entries, now) => {
    const ended = new Set<string>()
    const disabled = new Set<string>()
    const opened: OpenDelivery[] = []
    for (const entry of entries) {
      if (entry.kind === 'started') start(entry, entry.at)
      else if (entry.kind === 'cancelled') {
        if (cancel(entry, now)) ended.add(entry.deliveryId)
      } else {
        if (finish(entry)) {
          ended.add(entry.deliveryId)
          if (entry.state !== 'cancelled') opened.push(...then.after(entry, now))
        }
        if (entry.disableWebhook && write.disable.run({ webhookId: entry.webhookId, reason: entry.decision, now }).changes === 1) {
          write.bumpRegistry.run()
          then.disabled(entry.webhookId, entry.decision, now)
          disabled.add(entry.webhookId)
        }
      }
    }
    return { finishedEvents: finishedEvents([...ended]), disabledWebhooks: [...disabled], opened }
  }

  function finishedEvents(deliveryIds: string[]): string[] {
    if (deliveryIds.length === 0) return []
    const rows = write.finishedEvents.all({ ids: JSON.stringify(deliveryIds) }) as { event_id: string }[]
    return rows.map((row) => row.event_id)
  }
}

const ids = (entry: Started | Finished) => ({
  attemptId: entry.attemptId,
  deliveryId: entry.deliveryId,
  webhookId: entry.webhookId,
  generation: entry.generation,
})

const attemptColumns = ({ attemptId, at, result, request, nextAttemptAt, decision }: Finished) => ({
  attemptId,
  at,
  outcome: result.outcome,
  statusCode: result.statusCode ?? null,
  error: result.error ?? null,
  timings: JSON.stringify(result.timings),
  request: JSON.stringify(request),
  responseHeaders: result.responseHeaders ? JSON.stringify(result.responseHeaders) : null,
  responseBody: result.responseBody ?? null,
  responseTruncated: result.responseTruncated ? 1 : 0,
  nextAttemptAt,
  decision,
})

const deliveryColumns = ({ deliveryId, generation, state, step, at, startedAt, result, nextAttemptAt, decision }: Finished) => ({
  deliveryId,
  generation,
  state,
  step,
  at,
  startedAt,
  outcome: result.outcome,
  statusCode: result.statusCode ?? null,
  error: result.error ?? null,
  nextAttemptAt,
  deliveredAt: state === 'succeeded' ? at : null,
  reason: state === 'failed' || state === 'cancelled' ? decision : null,
})

function statements(db: Db) {
  const prepare = (text: string) => db.$client.prepare<Record<string, unknown>[]>(text)
  return {
    insertAttempt: prepare(`
      INSERT INTO attempts (id, delivery_id, webhook_id, generation, number, started_at)
      SELECT @attemptId, @deliveryId, @webhookId, @generation, attempts + 1, @startedAt FROM deliveries WHERE id = @deliveryId
      ON CONFLICT DO NOTHING`),
    countAttempt: prepare(
      'UPDATE deliveries SET attempts = attempts + 1, last_attempt_at = max(coalesce(last_attempt_at, 0), @startedAt) WHERE id = @deliveryId',
    ),
    interruptEarlier: prepare(`
      UPDATE attempts SET outcome = 'interrupted', finished_at = @now, error = 'the dispatcher ended in mid-request', decision = 'the delivery is tried again'
      WHERE delivery_id = @deliveryId AND outcome IS NULL AND id <> @attemptId AND started_at <= @now`),
    // An attempt given up as interrupted may turn out to have finished; a finished one never changes again.
    finishAttempt: prepare(`
      UPDATE attempts SET finished_at = @at, outcome = @outcome, status_code = @statusCode, error = @error, timings = @timings, request = @request,
        response_headers = @responseHeaders, response_body = @responseBody, response_truncated = @responseTruncated,
        next_attempt_at = @nextAttemptAt, decision = @decision
      WHERE id = @attemptId AND (outcome IS NULL OR outcome = 'interrupted')`),
    // A success counts even for an older generation or after a cancellation: the receiver has the event.
    moveDelivery: prepare(`
      UPDATE deliveries SET state = @state, step = @step, updated_at = @at, last_attempt_at = @startedAt, last_outcome = @outcome,
        last_status_code = @statusCode, last_error = @error, next_attempt_at = @nextAttemptAt, delivered_at = @deliveredAt, reason = @reason
      WHERE id = @deliveryId AND state <> 'succeeded' AND ((generation = @generation AND state IN ('pending', 'retrying')) OR @state = 'succeeded')`),
    cancel: prepare(`
      UPDATE deliveries SET state = 'cancelled', reason = @reason, updated_at = @now, next_attempt_at = NULL
      WHERE id = @deliveryId AND generation = @generation AND state IN ('pending', 'retrying')`),
    healthy: prepare(`
      UPDATE webhooks SET last_succeeded_at = max(coalesce(last_succeeded_at, 0), @at), consecutive_failures = 0,
        retries_exhausted = 0, next_attempt_at = NULL, failing_since = NULL, warnings = 0
      WHERE id = @webhookId`),
    unhealthy: prepare(`
      UPDATE webhooks SET last_failed_at = @at, last_failed_status_code = @statusCode, last_failed_reason = @reason, next_attempt_at = @nextAttemptAt,
        last_failed_outcome = @outcome, retries_exhausted = max(retries_exhausted, @exhausted), consecutive_failures = consecutive_failures + 1,
        failing_since = coalesce(failing_since, @at)
      WHERE id = @webhookId`),
    disable: prepare('UPDATE webhooks SET active = 0, disabled_reason = @reason, updated_at = @now WHERE id = @webhookId AND active = 1'),
    bumpRegistry: prepare('INSERT INTO registry (id, version) VALUES (1, 1) ON CONFLICT DO UPDATE SET version = version + 1'),
    finishedEvents: prepare(`
      SELECT DISTINCT event_id FROM deliveries AS ended WHERE id IN (SELECT value FROM json_each(@ids))
      AND NOT EXISTS (SELECT 1 FROM deliveries AS other WHERE other.event_id = ended.event_id AND other.state IN ('pending', 'retrying'))`),
  }
}
