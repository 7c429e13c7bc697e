import type { Clock } from '../../shared/clock.ts'
import { farMs, type SendResult } from '../../shared/contracts/delivery.ts'
import type { Event } from '../../shared/contracts/event.ts'
import type { Sender } from '../../shared/http/send.ts'
import { createId } from '../../shared/id.ts'
import type { Logger } from '../../shared/logger.ts'
import type { RenderContext } from '../../shared/payload/format.ts'
import type { Backoff, DeliveryJob } from '../../shared/queue.ts'
import { findRecipients } from '../../shared/recipients.ts'
import type { Registry } from '../../shared/registry.ts'
import type { Scheme } from '../../shared/signing/scheme.ts'
import type { DirectoryStore } from '../../shared/storage/directory.ts'
import type { Span } from '../../shared/tracing.ts'
import type { Batches, Member } from './batches.ts'
import { decide, judge, type Decision } from './decide.ts'
import { cancelledEntry, finishedEntry, heldEntry, logAttempts, logCancelled, startedEntry, type Attempt } from './entries.ts'
import type { DispatcherObserver } from './observe.ts'
import type { Payloads } from './payloads.ts'
import { prepare, type Prepared } from './prepare.ts'
import type { Limits, Report } from './report.ts'
import type { Room } from './room.ts'
import type { OpenWebhook, Webhooks } from './webhooks.ts'

export type DeliverDeps = {
  webhooks: Webhooks
  payloads: Payloads
  batches: Batches
  directory: Pick<DirectoryStore, 'lookUp'>
  schemes: Registry<Scheme>
  report: Report
  room: Room
  /** Requests that all dispatchers together can have under way. */
  slots(): number
  sender: Sender
  clock: Clock
  random: () => number
  observe?: DispatcherObserver | undefined
  log: Logger
}

/** The part of a BullMQ job that an attempt needs. */
export type AttemptJob = DeliveryJob & {
  jobId: string
  /** Attempts so far, this one included. */
  step: number
  attempts: number
  backoff: Backoff
  /** How often a dispatcher died over it, beyond the attempts that it lived through. */
  deaths: number
}

/** What the queue has to do with the job now; `freed`: jobs that may run because this one has ended, when Redis knows of it. */
export type Next = Ended | { kind: 'park'; limits: Limits } | { kind: 'wait in line' }

/** One that takes its dispatcher with it is not tried for ever; the log shows it, and it can be sent again. */
const tooManyDeaths = 5

type Ended = ({ kind: 'complete' } | { kind: 'retry'; delayMs: number } | { kind: 'give up'; reason: string }) & {
  freed?: Promise<string[]>
}

/**
 * One attempt of one delivery, or of one batch of them, top to bottom: load, render, sign, send, decide, report. A
 * receiver that fails is an outcome and is recorded; what is thrown from here is our own fault, no attempt is counted,
 * and the queue runs the job again.
 *
 * At least once: should the process die between `send` and `finish`, the request is made again with the same
 * `webhook-id`. That is the only way to a duplicate, and the log shows the first attempt as interrupted.
 */
export async function deliver(job: AttemptJob, deps: DeliverDeps, signal: AbortSignal): Promise<Next> {
  const members = await deps.batches.membersOf(job)
  if (job.deaths >= tooManyDeaths) return cancel(job, members, `set aside: ${job.deaths} dispatchers died in the midst of it`, deps)
  if (members.length === 0) return leave(job, deps)
  const begun = await begin(job, members, deps)
  if (begun.kind === 'done') return { kind: 'complete', freed: Promise.resolve(begun.free) }
  if (begun.kind === 'behind') return { kind: 'wait in line' }
  if (begun.kind === 'no room') return aside(job, members, begun.limits, deps)
  if (begun.kind === 'cancelled') return cancel(job, members, begun.reason, deps)

  const { webhook } = begun
  const prepared = prepare(job, begun, deps)
  const result = 'fault' in prepared ? prepared.fault : await send(webhook, prepared, deps, signal)
  const now = deps.clock.now()
  const deciding = { result, step: job.step, attempts: job.attempts, backoff: job.backoff, now, random: deps.random() }
  const decision = decide(deciding)

  const entries = begun.attempts.map((attempt) => finishedEntry(job, attempt, { begun, prepared, result, decision, now }))
  const succeeded = decision.state === 'succeeded'
  const ended = decision.state !== 'retrying'
  const { sent, freed } = deps.report.finish({ job, entries, done: succeeded, ended, verdict: judge(deciding), limits: begun.limits })
  await sent
  deps.room.freed(webhook.id)
  deps.observe?.finished(entries, begun.span)
  logAttempts(job, entries, deps.log)
  return { freed, ...next(decision) }
}

/** Whom the payload names as told of each event; undefined where the webhook tells nobody beside itself. */
type Told = RenderContext['recipients']
export type Begun = {
  kind: 'begun'
  webhook: OpenWebhook
  limits: Limits
  attempts: Attempt[]
  events: Event[]
  recipients: Told
  startedAt: number
  span: Span | undefined
}
type BegunAttempt =
  | Begun
  | { kind: 'done'; free: string[] }
  | { kind: 'behind' }
  | { kind: 'no room'; limits: Limits }
  | { kind: 'cancelled'; reason: string }

/** The timeout of a request is a promise; what surrounds it may take this long beside. */
const leaseMarginMs = 30_000

/**
 * Finds webhook and events, asks for room, and marks the attempts as started: no request leaves that the log does not
 * know of. Goes round again when the registry has changed since our copy of the webhook was made.
 */
async function begin(job: AttemptJob, members: Member[], deps: DeliverDeps): Promise<BegunAttempt> {
  for (;;) {
    const version = deps.report.registry()
    const webhook = await deps.webhooks.load(job.webhookId, version)
    const obstacle = whyNot(webhook)
    const startedAt = deps.clock.now()
    const attempts = members.map((member) => ({ attemptId: createId(), ...member }))
    const held = members.map(({ eventId }) => deps.payloads.held(eventId))
    const wanted = members.filter((_, i) => !held[i]).map(({ eventId }) => eventId)
    const limits = limitsOf(webhook, deps)
    const entries = obstacle ? [] : attempts.map((attempt) => startedEntry(job, attempt, startedAt))
    const begun = await deps.report.begin({ job, wanted, version, entries, limits })
    if (begun.kind === 'done' || begun.kind === 'behind') return begun
    if (begun.kind === 'stale' || (begun.kind === 'full' && (await deps.room.wait(job.webhookId)))) continue
    if (begun.kind === 'full' || begun.kind === 'closed') return { kind: 'no room', limits }
    if (obstacle || !webhook) return { kind: 'cancelled', reason: obstacle ?? 'the webhook was removed' }
    const fetched = new Map(wanted.map((eventId, i) => [eventId, begun.events[i]]))
    const events = await Promise.all(
      members.map(async ({ eventId }, i) => held[i] ?? (await deps.payloads.hold(eventId, fetched.get(eventId)))),
    )
    if (events.includes(undefined)) return { kind: 'cancelled', reason: 'the event is no longer stored' }
    const recipients = await recipientsOf(events as Event[], webhook, deps)
    const span = deps.observe?.beginning(job, events as Event[], webhook, startedAt)
    return { kind: 'begun', webhook, limits, attempts, events: events as Event[], recipients, startedAt, span }
  }
}

async function recipientsOf(events: Event[], { recipients }: OpenWebhook, { directory }: Pick<DeliverDeps, 'directory'>): Promise<Told> {
  if (recipients.length === 0) return undefined
  return new Map(
    await Promise.all(events.map(async (event) => [event.id, (await findRecipients(event, recipients, directory)).people] as const)),
  )
}

/** Unless it says otherwise, a webhook may use half of what all dispatchers can do: the other half is for the others. */
const limitsOf = (webhook: OpenWebhook | undefined, { slots }: Pick<DeliverDeps, 'slots'>): Limits => ({
  cap: webhook?.maxInFlight ?? Math.max(1, Math.ceil(slots() / 2)),
  rate: webhook?.rateLimit ?? 0,
  leaseMs: (webhook?.timeoutMs ?? 0) + leaseMarginMs,
})

function whyNot(webhook: OpenWebhook | undefined): string | undefined {
  if (!webhook) return 'the webhook was removed'
  if (webhook.active) return undefined
  return webhook.disabledReason ? `the webhook is disabled: ${webhook.disabledReason}` : 'the webhook is not active'
}

/**
 * Parked; or held, where so many are parked that one more should not lie in Redis. In a lane it keeps its place: those
 * behind it must not pass it, and Redis is where they stand.
 */
async function aside(job: AttemptJob, members: Member[], limits: Limits, deps: DeliverDeps): Promise<Next> {
  if (job.lane !== undefined) return { kind: 'park', limits }
  const now = deps.clock.now()
  const held = await deps.report.hold(
    job,
    members.map((member) => heldEntry(job, member, now)),
  )
  return held ? { kind: 'complete' } : { kind: 'park', limits }
}

/** A batch none of whose deliveries is open any more: nothing is sent, and who stood behind it may go. */
async function leave(job: AttemptJob, deps: DeliverDeps): Promise<Next> {
  const limits = limitsOf(undefined, deps)
  const { sent, freed } = deps.report.finish({ job, entries: [], done: false, ended: true, verdict: { kind: 'none' }, limits })
  await sent
  return { kind: 'complete', freed }
}

async function cancel(job: AttemptJob, members: Member[], reason: string, deps: DeliverDeps): Promise<Next> {
  const now = deps.clock.now()
  const entries = members.map((member) => cancelledEntry(job, member, reason, now))
  const limits = limitsOf(undefined, deps)
  const { sent, freed } = deps.report.finish({ job, entries, done: false, ended: true, verdict: { kind: 'none' }, limits })
  await sent
  deps.observe?.cancelled(entries.length)
  logCancelled(entries, deps.log)
  return { kind: 'complete', freed }
}

async function send(webhook: OpenWebhook, { payload, headers }: Prepared, deps: DeliverDeps, signal: AbortSignal): Promise<SendResult> {
  const { url, timeoutMs, format } = webhook
  return deps.payloads.judge(await deps.sender.send({ url, headers, body: payload.body, timeoutMs, signal }), format)
}

function next({ state, delayMs, decision }: Decision): Ended {
  // Due much later, it needs no job until then: SQL knows of it by now, and status makes the next one when it is due.
  if (state === 'retrying' && (delayMs ?? 0) > farMs) return { kind: 'complete' }
  if (state === 'retrying') return { kind: 'retry', delayMs: delayMs ?? 0 }
  return state === 'succeeded' ? { kind: 'complete' } : { kind: 'give up', reason: decision }
}
