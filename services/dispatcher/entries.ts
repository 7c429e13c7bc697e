import type { OutcomeEntry, SendResult } from '../../shared/contracts/delivery.ts'
import type { Logger } from '../../shared/logger.ts'
import { traceIdIn } from '../../shared/tracing.ts'
import type { Member } from './batches.ts'
import type { Decision } from './decide.ts'
import type { AttemptJob, Begun } from './deliver.ts'
import type { Prepared } from './prepare.ts'
import type { OpenWebhook } from './webhooks.ts'

/** What the outcomes stream and the process's own log are told of an attempt. Members of a batch are told of one by one. */

type Started = Extract<OutcomeEntry, { kind: 'started' }>
type Finished = Extract<OutcomeEntry, { kind: 'finished' }>
type Cancelled = Extract<OutcomeEntry, { kind: 'cancelled' }>
type Held = Extract<OutcomeEntry, { kind: 'held' }>

export type Attempt = Member & { attemptId: string }

const identity = ({ webhookId }: AttemptJob, { deliveryId, generation }: Member) => ({ deliveryId, webhookId, generation })

export const startedEntry = (job: AttemptJob, attempt: Attempt, at: number): Started => ({
  kind: 'started',
  ...identity(job, attempt),
  attemptId: attempt.attemptId,
  at,
})

export const cancelledEntry = (job: AttemptJob, member: Member, reason: string, at: number): Cancelled => ({
  kind: 'cancelled',
  ...identity(job, member),
  at,
  reason,
})

export const heldEntry = (job: AttemptJob, member: Member, at: number): Held => ({
  kind: 'held',
  ...identity(job, member),
  step: job.step - 1,
  at,
})

type Made = { begun: Begun; prepared: Prepared | { fault: SendResult }; result: SendResult; decision: Decision; now: number }

export function finishedEntry(job: AttemptJob, attempt: Attempt, { begun, prepared, result, decision, now }: Made): Finished {
  return {
    kind: 'finished',
    ...identity(job, attempt),
    attemptId: attempt.attemptId,
    startedAt: begun.startedAt,
    at: now,
    result,
    request: requestOf(begun.webhook, prepared),
    state: decision.state,
    nextAttemptAt: decision.delayMs === undefined ? null : now + decision.delayMs,
    step: job.step,
    decision: decision.decision,
    disableWebhook: decision.disableWebhook,
    ...(begun.span && { traceparent: begun.span.traceparent }),
  }
}

function requestOf(webhook: OpenWebhook, prepared: Made['prepared']): Finished['request'] {
  const { url, format } = webhook
  if ('fault' in prepared) return { url, headers: {}, format, bodyHash: '', bytes: 0 }
  const { payload, headers } = prepared
  return { url, headers: maskCustom(headers, webhook), format, bodyHash: payload.hash, bytes: payload.body.length }
}

/** A webhook's own headers may hold credentials: the log shows that they were sent, not what they were. */
function maskCustom(headers: Record<string, string>, webhook: OpenWebhook): Record<string, string> {
  const shown = { ...headers }
  for (const name in webhook.headers) if (shown[name] === webhook.headers[name]) shown[name] = '[hidden]'
  return shown
}

export function logAttempts(job: AttemptJob, entries: Finished[], log: Logger): void {
  if (!log.isLevelEnabled('info')) return
  for (const { deliveryId, webhookId, generation, attemptId, step, result, state, nextAttemptAt, traceparent } of entries) {
    const { outcome, statusCode, timings } = result
    const of = { deliveryId, webhookId, generation, attemptId, eventId: job.eventId, ...(job.batchId && { batchId: job.batchId }) }
    log.info({ ...of, ...traceIdIn(traceparent), step, outcome, statusCode, ms: timings.endMs, state, nextAttemptAt }, 'attempt finished')
  }
}

export function logCancelled(entries: Cancelled[], log: Logger): void {
  for (const { deliveryId, webhookId, generation, reason } of entries) {
    log.info({ deliveryId, webhookId, generation, state: 'cancelled', reason }, 'delivery cancelled')
  }
}
