import type { Clock } from '../../shared/clock.ts'
import type { OutcomeEntry, SendResult } from '../../shared/contracts/delivery.ts'
import type { Event } from '../../shared/contracts/event.ts'
import type { Sender } from '../../shared/http/send.ts'
import { createId } from '../../shared/id.ts'
import type { Logger } from '../../shared/logger.ts'
import type { Payload } from '../../shared/payload/format.ts'
import type { Backoff, DeliveryJob } from '../../shared/queue.ts'
import type { Registry } from '../../shared/registry.ts'
import type { Scheme } from '../../shared/signing/scheme.ts'
import { decide, type Decision } from './decide.ts'
import type { HashedPayload, Payloads } from './payloads.ts'
import type { Report } from './report.ts'
import type { OpenWebhook, Webhooks } from './webhooks.ts'

export type DeliverDeps = {
  webhooks: Webhooks
  payloads: Payloads
  schemes: Registry<Scheme>
  report: Report
  sender: Sender
  clock: Clock
  random: () => number
  log: Logger
}

/** The part of a BullMQ job that an attempt needs. */
export type AttemptJob = DeliveryJob & {
  jobId: string
  /** Attempts so far, this one included. */
  step: number
  attempts: number
  backoff: Backoff
}

type Finished = Extract<OutcomeEntry, { kind: 'finished' }>

/** What the queue has to do with the job now. */
export type Next = { kind: 'complete' } | { kind: 'retry'; delayMs: number } | { kind: 'give up'; reason: string }

/**
 * One attempt of one delivery, top to bottom: load, render, sign, send, decide, report. A receiver that fails is an
 * outcome and is recorded; what is thrown from here is our own fault, no attempt is counted, and the queue runs the
 * job again.
 *
 * At least once: should the process die between `send` and `finish`, the request is made again with the same
 * `webhook-id`. That is the only way to a duplicate, and the log shows the first attempt as interrupted.
 */
export async function deliver(job: AttemptJob, deps: DeliverDeps, signal: AbortSignal): Promise<Next> {
  const attemptId = createId()
  const begun = await begin(job, attemptId, deps)
  if (begun.kind === 'done') return { kind: 'complete' }
  if (begun.kind === 'cancelled') return cancel(job, begun.reason, deps)

  const { webhook, startedAt } = begun
  const prepared = prepare(begun, deps)
  const result = 'fault' in prepared ? prepared.fault : await send(webhook, prepared, deps, signal)
  const now = deps.clock.now()
  const decision = decide({ result, step: job.step, attempts: job.attempts, backoff: job.backoff, now, random: deps.random() })

  const entry: OutcomeEntry = {
    kind: 'finished',
    ...identity(job),
    attemptId,
    startedAt,
    at: now,
    result,
    request: requestOf(webhook, prepared),
    state: decision.state,
    nextAttemptAt: decision.delayMs === undefined ? null : now + decision.delayMs,
    step: job.step,
    decision: decision.decision,
    disableWebhook: decision.disableWebhook,
  }
  await deps.report.finish(entry, decision.state === 'succeeded' ? { job: job.jobId } : undefined)
  deps.log.info(
    {
      ...identity(job),
      attemptId,
      eventId: job.eventId,
      step: job.step,
      outcome: result.outcome,
      statusCode: result.statusCode,
      ms: result.timings.endMs,
      state: decision.state,
      nextAttemptAt: entry.nextAttemptAt,
    },
    'attempt finished',
  )
  return next(decision)
}

type Begun = { kind: 'begun'; webhook: OpenWebhook; event: Event; startedAt: number }
type BegunAttempt = Begun | { kind: 'done' } | { kind: 'cancelled'; reason: string }

/**
 * Finds webhook and event, and marks the attempt as started: no request leaves that the log does not know of. Goes
 * round again when the registry has changed since our copy of the webhook was made.
 */
async function begin(job: AttemptJob, attemptId: string, deps: DeliverDeps): Promise<BegunAttempt> {
  let version = deps.webhooks.version(job.webhookId) ?? '0'
  for (;;) {
    const webhook = await deps.webhooks.load(job.webhookId, version)
    const obstacle = whyNot(webhook)
    const startedAt = deps.clock.now()
    const held = deps.payloads.held(job.eventId)
    const entry: OutcomeEntry = { kind: 'started', ...identity(job), attemptId, at: startedAt }
    const begun = await deps.report.begin({ job: job.jobId, eventId: job.eventId, wantEvent: !held, version, ...(!obstacle && { entry }) })
    if (begun.kind === 'done') return begun
    if (begun.kind === 'stale') {
      version = begun.version
      continue
    }
    const event = held ?? (await deps.payloads.hold(job.eventId, begun.event))
    if (obstacle || !webhook || !event) return { kind: 'cancelled', reason: obstacle ?? 'the event is no longer stored' }
    return { kind: 'begun', webhook, event, startedAt }
  }
}

function whyNot(webhook: OpenWebhook | undefined): string | undefined {
  if (!webhook) return 'the webhook was removed'
  if (webhook.active) return undefined
  return webhook.disabledReason ? `the webhook is disabled: ${webhook.disabledReason}` : 'the webhook is not active'
}

async function cancel(job: AttemptJob, reason: string, deps: DeliverDeps): Promise<Next> {
  await deps.report.finish({ kind: 'cancelled', ...identity(job), at: deps.clock.now(), reason })
  deps.log.info({ ...identity(job), eventId: job.eventId, state: 'cancelled', reason }, 'delivery cancelled')
  return { kind: 'complete' }
}

const identity = ({ deliveryId, webhookId, generation }: AttemptJob) => ({ deliveryId, webhookId, generation })

/** Ours are written last: a webhook's own header never replaces what carries the meaning. */
const ownHeaders = (payload: Payload): Record<string, string> => ({
  ...payload.headers,
  'content-type': payload.contentType,
  // What is never asked for need not be inflated: no answer can grow on its way into memory.
  'accept-encoding': 'identity',
  'user-agent': userAgent,
})
const userAgent = 'Tidings/1'

type Prepared = { payload: HashedPayload; headers: Record<string, string> }

/**
 * Renders and signs. What cannot be rendered or signed now cannot be in a minute either: the delivery fails with the
 * reason in the log, to be sent again once it is mended, instead of going round for ever.
 */
function prepare({ webhook, event, startedAt: now }: Begun, deps: DeliverDeps): Prepared | { fault: SendResult } {
  const secrets = secretsInForce(webhook, now)
  try {
    const payload = deps.payloads.render(event, webhook.format, { webhook, settings: webhook.formatSettings, secrets })
    const scheme = deps.schemes.get(webhook.scheme)
    const signature = scheme.sign({ id: event.id, now, body: payload.body, secrets, method: 'POST', url: webhook.url })
    return { payload, headers: { ...webhook.headers, ...ownHeaders(payload), ...signature } }
  } catch (error) {
    deps.log.error({ err: error, eventId: event.id, webhookId: webhook.id }, 'request could not be made')
    const reason = `the request could not be made: format "${webhook.format}", scheme "${webhook.scheme}"`
    return { fault: { outcome: 'unreachable', permanent: true, error: reason, timings: { endMs: 0 } } }
  }
}

async function send(webhook: OpenWebhook, { payload, headers }: Prepared, deps: DeliverDeps, signal: AbortSignal): Promise<SendResult> {
  const { url, timeoutMs, format } = webhook
  return deps.payloads.judge(await deps.sender.send({ url, headers, body: payload.body, timeoutMs, signal }), format)
}

function requestOf(webhook: OpenWebhook, prepared: Prepared | { fault: SendResult }): Finished['request'] {
  const { url, format } = webhook
  if ('fault' in prepared) return { url, headers: {}, format, bodyHash: '', bytes: 0 }
  const { payload, headers } = prepared
  return { url, headers: maskCustom(headers, webhook), format, bodyHash: payload.hash, bytes: payload.body.length }
}

const secretsInForce = ({ secrets }: OpenWebhook, now: number): string[] =>
  secrets.filter(({ expiresAt }) => expiresAt === null || expiresAt > now).map(({ value }) => value)

/** A webhook's own headers may hold credentials: the log shows that they were sent, not what they were. */
const maskCustom = (headers: Record<string, string>, webhook: OpenWebhook): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, webhook.headers[name] === value ? '[hidden]' : value]))

function next({ state, delayMs, decision }: Decision): Next {
  if (state === 'retrying') return { kind: 'retry', delayMs: delayMs ?? 0 }
  return state === 'succeeded' ? { kind: 'complete' } : { kind: 'give up', reason: decision }
}
