import { createHash, hash } from 'node:crypto'
import type { Clock } from '../../shared/clock.ts'
import type { Accepted } from '../../shared/contracts/api/accept.ts'
import type { Envelope, EventDraft } from '../../shared/contracts/event.ts'
import { createId } from '../../shared/id.ts'
import type { Logger } from '../../shared/logger.ts'
import { Problem } from '../../shared/problem.ts'
import type { AcceptResult, FanOutPlan, NewDelivery, NewEvent, Storage } from '../../shared/storage/storage.ts'
import { traceIdIn } from '../../shared/tracing.ts'
import type { IngestObserver } from './observe.ts'
import type { Pressure } from './pressure.ts'
import type { Relay } from './relay.ts'

export type AcceptDeps = {
  storage: Pick<Storage, 'events'>
  relay: Pick<Relay, 'plan' | 'offer'>
  pressure: Pick<Pressure, 'check'>
  observe?: IngestObserver | undefined
  clock: Clock
  log: Logger
}
export type Submission = {
  organizationId: string
  source: string
  drafts: EventDraft[]
  headers: Record<string, string | undefined>
  /** What makes two events with one id the same, as the source's adapter says; `bytes` when left out. */
  identity?: 'bytes' | 'id' | undefined
}

/**
 * Makes events durable. What returns is committed to disk: from here on it survives any crash, and the relay will
 * fan it out, now or after a restart. All events of a request are accepted or none is. The same id (or
 * `Idempotency-Key`) with the same bytes is accepted once; with other bytes it is refused, unless the source repeats
 * its events with other bytes.
 */
export async function accept(submission: Submission, deps: AcceptDeps): Promise<Accepted['events']> {
  deps.pressure.check()
  const now = deps.clock.now()
  const observed = deps.observe?.accepting(submission, now)
  const events = submission.drafts.map((draft) => newEvent(draft, submission, now, observed?.traceparent))
  const plan = deps.relay.plan(events)
  const result = await store(events, plan, submission, now, deps)
  if (result.kind === 'conflict') throw conflict(result, events.length)
  observed?.accepted(result.events, deps.clock.now())

  const fresh = events.filter((_, i) => result.events[i]?.duplicate === false)
  const planned = result.planned ? plannedOf(plan) : undefined
  deps.relay.offer(
    fresh.map(({ envelope, data, raw }) => ({
      envelope,
      data: dataText(raw, data),
      receivedAt: now,
      planned: planned && (planned.get(envelope.id) ?? []),
    })),
  )
  // The relay first, which has sent its jobs at the end of this turn: the answer is made while Redis and a dispatcher are at it.
  await endOfTurn()
  await endOfTurn()
  for (const { envelope } of fresh) {
    deps.log.info(
      {
        eventId: envelope.id,
        organizationId: envelope.organizationId,
        source: envelope.source,
        type: envelope.type,
        ...traceIdIn(envelope.traceparent),
      },
      'event accepted',
    )
  }
  return result.events
}

function newEvent(
  draft: EventDraft,
  { organizationId, source, headers, identity }: Submission,
  now: number,
  traceparent?: string,
): NewEvent {
  const { raw, data, time, ...own } = draft
  const assigned = { id: createId(), organizationId, source, time: time ?? new Date(now).toISOString() }
  // not `{ ...own, id }`: V8 takes microseconds for each member that is added to a copy
  const envelope: Envelope = Object.assign({}, own, assigned, traceparent && { traceparent })
  return {
    envelope,
    dedupKey: draft.sourceEventId ?? null,
    bodyHash: sha256((identity === 'id' && draft.sourceEventId) || raw),
    raw,
    data,
    headers: keptHeaders(headers),
    receivedAt: now,
  }
}

async function store(
  events: NewEvent[],
  plan: FanOutPlan | undefined,
  submission: Submission,
  now: number,
  deps: AcceptDeps,
): Promise<AcceptResult> {
  const idempotency = idempotencyOf(submission)
  try {
    return await deps.storage.events.accept({ events, plan, organizationId: submission.organizationId, idempotency, now })
  } catch (cause) {
    // Disk full, disk gone, database locked: nothing was stored, so nothing may be answered with 202.
    deps.log.error({ err: cause }, 'events not stored')
    throw new Problem('unavailable', 'the events could not be stored; send them again', { retryAfterSeconds: 2, cause })
  }
}

function plannedOf(plan: FanOutPlan | undefined): Map<string, NewDelivery[]> {
  const planned = new Map<string, NewDelivery[]>()
  for (const delivery of plan?.deliveries ?? []) {
    const others = planned.get(delivery.eventId)
    if (others) others.push(delivery)
    else planned.set(delivery.eventId, [delivery])
  }
  return planned
}

function idempotencyOf({ headers, drafts }: Submission): { key: string; bodyHash: string } | undefined {
  const key = headers['idempotency-key']
  if (key === undefined) return undefined
  if (key.length === 0 || key.length > 255) {
    throw new Problem('invalid', 'idempotency-key: must have 1 to 255 characters', {
      errors: [{ field: 'headers.idempotency-key', message: 'must have 1 to 255 characters' }],
    })
  }
  const digest = createHash('sha256')
  for (const draft of drafts) digest.update(draft.raw)
  return { key, bodyHash: digest.digest('hex') }
}

function conflict(result: Extract<AcceptResult, { kind: 'conflict' }>, count: number): Problem {
  if (result.index < 0) {
    const message = 'was used before with another body; use a new key for a new request'
    return new Problem('conflict', `idempotency-key: ${message}`, { errors: [{ field: 'headers.idempotency-key', message }] })
  }
  const field = count === 1 ? 'id' : `[${result.index}].id`
  const message = 'is the id of another event with another body; an event never changes, so give the new one a new id'
  return new Problem('conflict', `${field}: ${message}`, { errors: [{ field, message }] })
}

const endOfTurn = () => new Promise(setImmediate)
const sha256 = (bytes: Uint8Array | string) => hash('sha256', bytes)
const dataText = (raw: Uint8Array, data: NewEvent['data']) =>
  'text' in data ? data.text : Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString('utf8', data.start, data.end)

/** Worth showing in the log later; credentials and signatures are not, and hop-by-hop headers say nothing. */
const kept = /^(content-type|user-agent|idempotency-key|ce-.+|webhook-id|webhook-timestamp|x-request-id|traceparent)$/
function keptHeaders(headers: Submission['headers']): Record<string, string> {
  const chosen: Record<string, string> = {}
  for (const name in headers) {
    const value = headers[name]
    if (value !== undefined && kept.test(name)) chosen[name] = value
  }
  return chosen
}
