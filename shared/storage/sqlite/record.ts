import { farMs, type OutcomeEntry } from '../../contracts/delivery.ts'
import type { OpenDelivery } from '../storage.ts'
import type { Db } from './database.ts'
import { followUps } from './follow-ups.ts'

type Finished = Extract<OutcomeEntry, { kind: 'finished' }>
type Started = Extract<OutcomeEntry, { kind: 'started' }>
type Cancelled = Extract<OutcomeEntry, { kind: 'cancelled' }>
type Held = Extract<OutcomeEntry, { kind: 'held' }>
/** A delivery as it is before an attempt of it is recorded. */
type Known = { place: number; eventId: string; attempts: number }
type Recorded = { finishedEvents: string[]; disabledWebhooks: string[]; opened: OpenDelivery[] }

/**
 * Writes a batch of outcomes. The stream may bring an entry twice, or bring `finished` without `started`; every
 * statement therefore states the condition under which it moves a row forward, and none moves one back. Plain SQL:
 * this is the hottest write of the service, and each condition should be read as it runs.
 */
export function recorder(db: Db): (entries: OutcomeEntry[], now: number) => Recorded {
  const write = statements(db)
  const then = followUps(db)

  function start(entry: Started, startedAt: number): void {
    const inserted = write.insertAttempt.run({ startedAt, ...ids(entry) })
    if (inserted.changes === 0) return
    write.countAttempt.run({ deliveryId: entry.deliveryId, startedAt })
    // An earlier attempt without an end, now that the next has begun, will not get one.
    write.interruptEarlier.run({ deliveryId: entry.deliveryId, attemptId: entry.attemptId, now: startedAt })
  }

  /** The row of an attempt that the log has not heard of is written whole, and its delivery moved, by one statement each. */
  function finish(entry: Finished, known: Known | undefined): boolean {
    const { attemptId, deliveryId, startedAt } = entry
    const isNew = known !== undefined && write.insertWhole.run(...wholeAttempt(entry, known.attempts + 1)).changes === 1
    if (isNew && known.attempts > 0) write.interruptEarlier.run({ deliveryId, attemptId, now: startedAt })
    if (!isNew && write.finishAttempt.run(attemptColumns(entry)).changes === 0) return false
    const moves = known !== undefined && write.moveDelivery.run(...deliveryColumns(entry, isNew, known.place)).changes === 1
    if (!moves && isNew) write.countAttempt.run({ deliveryId, startedAt })
    noteHealth(entry)
    return moves && entry.state !== 'retrying'
  }

  /** Of successes in a row the last one says it all. */
  const wellSince = new Map<string, number>()
  function noteHealth(entry: Finished): void {
    const { webhookId, at, nextAttemptAt, state, result } = entry
    if (result.outcome === 'succeeded') return void wellSince.set(webhookId, Math.max(at, wellSince.get(webhookId) ?? 0))
    noteWell(webhookId)
    const reason = result.error ?? `answered ${result.statusCode}`
    const exhausted = state === 'failed' && !result.permanent ? 1 : 0
    write.unhealthy.run({ webhookId, at, outcome: result.outcome, statusCode: result.statusCode ?? null, reason, nextAttemptAt, exhausted })
  }

  function noteWell(webhookId: string): void {
    const at = wellSince.get(webhookId)
    if (at !== undefined) write.healthy.run({ webhookId, at })
    wellSince.delete(webhookId)
  }

  function cancel({ deliveryId, generation, reason }: Cancelled, now: number): boolean {
    return write.cancel.run({ deliveryId, generation, reason, now }).changes === 1
  }

  const hold = ({ deliveryId, generation, step }: Held): boolean => write.hold.run({ deliveryId, generation, step }).changes === 1

  return (entries, now) => {
    /** Events of deliveries that have ended, or are left to wait in SQL. */
    const ended = new Set<string>()
    const noteEnd = (delivery: Known | undefined) => delivery && ended.add(delivery.eventId)
    const disabled = new Set<string>()
    const opened: OpenDelivery[] = []
    // An attempt whose end is here too needs no row for its start alone.
    const ends = new Set(entries.flatMap((entry) => (entry.kind === 'finished' ? entry.attemptId : [])))
    wellSince.clear()
    then.begin()
    for (const entry of entries) {
      if (entry.kind === 'started') {
        if (!ends.has(entry.attemptId)) start(entry, entry.at)
      } else if (entry.kind === 'cancelled') {
        if (cancel(entry, now)) noteEnd(write.delivery.get(entry.deliveryId))
      } else if (entry.kind === 'held') {
        if (hold(entry)) noteEnd(write.delivery.get(entry.deliveryId))
      } else {
        const known = write.delivery.get(entry.deliveryId)
        if (finish(entry, known)) {
          noteEnd(known)
          if (entry.state !== 'cancelled') opened.push(...then.after(entry, now))
        } else if ((entry.nextAttemptAt ?? 0) > now + farMs) noteEnd(known)
        if (entry.disableWebhook && write.disable.run({ webhookId: entry.webhookId, reason: entry.decision, now }).changes === 1) {
          write.bumpRegistry.run()
          then.disabled(entry.webhookId, entry.decision, now)
          disabled.add(entry.webhookId)
        }
      }
    }
    for (const webhookId of wellSince.keys()) noteWell(webhookId)
    return { finishedEvents: finishedEvents([...ended], now), disabledWebhooks: [...disabled], opened }
  }

  /** Asked once for each event, of which many deliveries may have ended here. */
  function finishedEvents(ended: string[], now: number): string[] {
    return ended.filter((id) => write.openOf.get(id, now + farMs) === undefined)
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

/** In the order of `insertWhole`: by place, as names are looked up one by one. */
function wholeAttempt(entry: Finished, number: number): unknown[] {
  const { attemptId, deliveryId, webhookId, generation, startedAt, at, result, request, nextAttemptAt, decision } = entry
  const { outcome, statusCode, error, timings, responseHeaders, responseBody, responseTruncated } = result
  const head = [attemptId, webhookId, generation, startedAt, at, outcome, statusCode ?? null, error ?? null]
  const texts = [JSON.stringify(timings), JSON.stringify(request), responseHeaders ? JSON.stringify(responseHeaders) : null]
  return [...head, ...texts, responseBody ?? null, responseTruncated ? 1 : 0, nextAttemptAt, decision, deliveryId, number]
}

/** In the order of `moveDelivery`. */
function deliveryColumns(entry: Finished, isNew: boolean, place: number): unknown[] {
  const { generation, state, step, at, startedAt, result, nextAttemptAt, decision } = entry
  const reason = state === 'failed' || state === 'cancelled' ? decision : null
  const last = [startedAt, result.outcome, result.statusCode ?? null, result.error ?? null]
  return [state, step, isNew ? 1 : 0, at, ...last, nextAttemptAt, state === 'succeeded' ? at : null, reason, place, generation, step, state]
}

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
    delivery: db.$client.prepare<[string], Known>('SELECT rowid AS place, event_id AS eventId, attempts FROM deliveries WHERE id = ?'),
    // A row of values, and nothing returned: before an INSERT that takes its rows from elsewhere or returns them, SQLite keeps a copy of each page.
    insertWhole: db.$client.prepare(`
      INSERT INTO attempts (id, webhook_id, generation, started_at, finished_at, outcome, status_code, error, timings, request,
        response_headers, response_body, response_truncated, next_attempt_at, decision, delivery_id, number)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`),
    // A success counts even for an older generation or after a cancellation: the receiver has the event.
    moveDelivery: db.$client.prepare(`
      UPDATE deliveries SET state = ?, step = ?, attempts = attempts + ?, updated_at = ?, last_attempt_at = ?,
        last_outcome = ?, last_status_code = ?, last_error = ?, next_attempt_at = ?, delivered_at = ?, reason = ?
      WHERE rowid = ? AND state <> 'succeeded'
        AND ((generation = ? AND state IN ('pending', 'retrying') AND step <= ?) OR ? = 'succeeded')`),
    cancel: prepare(`
      UPDATE deliveries SET state = 'cancelled', reason = @reason, updated_at = @now, next_attempt_at = NULL
      WHERE id = @deliveryId AND generation = @generation AND state IN ('pending', 'retrying')`),
    hold: prepare(`
      UPDATE deliveries SET next_attempt_at = NULL
      WHERE id = @deliveryId AND generation = @generation AND step = @step AND state IN ('pending', 'retrying')`),
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
    // Its newest delivery first: of those of a wide fan-out the oldest have ended long before.
    openOf: db.$client.prepare<[string, number]>(`
      SELECT 1 FROM deliveries WHERE event_id = ? AND state IN ('pending', 'retrying') AND next_attempt_at <= ? ORDER BY rowid DESC LIMIT 1`),
  }
}
