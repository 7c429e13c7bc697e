import type { Clock } from '../../shared/clock.ts'
import type { Envelope } from '../../shared/contracts/event.ts'
import { deliveryId } from '../../shared/id.ts'
import { laneOf } from '../../shared/lane.ts'
import type { Logger } from '../../shared/logger.ts'
import { createMatcher, type Matcher } from '../../shared/match.ts'
import type { Format } from '../../shared/payload/format.ts'
import { jobIdOf, jobOf, type DeliveryQueue } from '../../shared/queue.ts'
import { findRecipients } from '../../shared/recipients.ts'
import type { Registry } from '../../shared/registry.ts'
import type { DeliveryCause, NewDelivery, OpenDelivery, Storage, Terms } from '../../shared/storage/storage.ts'
import type { Bodies, Lanes } from '../../shared/transport.ts'
import { intoBatches } from './grouping.ts'
import type { IngestObserver } from './observe.ts'
import type { Pressure } from './pressure.ts'

export type RelayDeps = {
  storage: Pick<Storage, 'events' | 'deliveries' | 'subscriptions' | 'webhooks' | 'directory'>
  queue: Pick<DeliveryQueue, 'add'>
  bodies: Bodies
  lanes: Lanes
  formats: Registry<Format>
  pressure: Pick<Pressure, 'room'>
  observe?: Pick<IngestObserver, 'fannedOut'> | undefined
  clock: Clock
  log: Logger
}
export type AcceptedEvent = { envelope: Envelope; data: string; receivedAt: number }
/** Members of a batch share theirs. */
const oneOfEachJob = (open: OpenDelivery[]): OpenDelivery[] => [...new Map(open.map((one) => [jobIdOf(one), one])).values()]

export type Relay = {
  /** Hands over what was just committed. Never waits: what does not fit is found in SQL by the sweep. */
  offer(events: AcceptedEvent[]): void
  stop(): Promise<void>
}

/** Events of one round: enough to share its two commits, few enough that the first does not wait for the last. */
const roundEvents = 200
/** Beyond this the memory of the process is worth more than the milliseconds of the hand-over. */
const heldEvents = 10_000
/** Rows of one commit, so that a fan-out to many webhooks does not hold the writer. */
const rowsPerCommit = 2_000
const sweepEveryMs = 5_000
/** A round takes milliseconds; what is older than this was not handed over, or its relay died. */
const overdueMs = 10_000
const pauseAfterFaultMs = 500

/**
 * Fans events out: which webhooks want it → delivery rows → body and jobs in Redis → mark. Each step can be
 * repeated: rows and jobs have ids that follow from event and webhook, and a delivery that has ended needs no job.
 * The mark comes last, so whatever dies in between is found by the sweep and done again from the start.
 */
export function startRelay(deps: RelayDeps): Relay {
  const held = new Map<string, AcceptedEvent>()
  const marks = new Set<Promise<unknown>>()
  let matcher: Matcher = createMatcher(-1, [])
  let terms: Record<string, Terms> = {}
  let wake: () => void = () => {}
  let stopping = false
  let failed = false

  /** An event committed after a subscription was must be matched by it: the version is asked for once per round. */
  async function refreshMatcher(): Promise<void> {
    if ((await deps.storage.webhooks.registryVersion()) === matcher.version) return
    const inForce = await deps.storage.subscriptions.inForce()
    matcher = createMatcher(inForce.version, inForce.subscriptions)
    terms = inForce.terms
  }

  async function match(event: AcceptedEvent): Promise<NewDelivery[]> {
    const { envelope } = event
    const wanted = envelope.to ? await addressed(envelope.to) : matcher.match(envelope)
    const deliveries = [...wanted].map(([webhookId, subscriptionIds]) => newDelivery(event, webhookId, { subscriptionIds, cause: null }))
    return [...deliveries, ...(await toRecipients(event, wanted))]
  }

  /** Who is told because a webhook tells owners, followers or admins, and has a webhook of their own. */
  async function toRecipients(event: AcceptedEvent, wanted: Map<string, string[]>): Promise<NewDelivery[]> {
    const told = new Map<string, DeliveryCause>()
    for (const webhookId of wanted.keys()) {
      const kinds = terms[webhookId]?.recipients ?? []
      if (kinds.length === 0) continue
      const { webhookIds } = await findRecipients({ ...event.envelope, data: event.data }, kinds, deps.storage.directory)
      for (const id of webhookIds) if (!wanted.has(id) && !told.has(id)) told.set(id, { kind: 'recipient', webhookId })
    }
    const found = await addressed([...told.keys()])
    return [...found.keys()].map((id) => newDelivery(event, id, { subscriptionIds: [], cause: told.get(id) ?? null }))
  }

  function newDelivery(
    { envelope, receivedAt }: AcceptedEvent,
    webhookId: string,
    why: Pick<NewDelivery, 'subscriptionIds' | 'cause'>,
  ): NewDelivery {
    const { organizationId, id: eventId, type: eventType } = envelope
    const lane = laneOf(envelope, webhookId, terms[webhookId]?.order ?? null)
    return {
      ...why,
      id: deliveryId(eventId, webhookId),
      organizationId,
      eventId,
      webhookId,
      eventType,
      acceptedAt: receivedAt,
      batchId: null,
      lane,
    }
  }

  async function addressed(webhookIds: string[]): Promise<Map<string, string[]>> {
    const webhooks = await Promise.all(webhookIds.map((id) => deps.storage.webhooks.load(id)))
    const found = webhooks.filter((webhook) => webhook !== undefined)
    for (const webhook of found) terms[webhook.id] ??= webhook
    return new Map(found.map((webhook) => [webhook.id, []]))
  }

  async function fanOut(events: AcceptedEvent[]): Promise<void> {
    const since = deps.clock.now()
    await refreshMatcher()
    const deliveries = await Promise.all(events.map(match))
    const open = await createRows(intoBatches(deliveries.flat(), (webhookId) => terms[webhookId], deps.formats))

    // A Redis that is nearly full needs the rest to drain; in SQL the rows are safe.
    await deps.pressure.room()
    await deps.bodies.put(events, open)
    await deps.lanes.enter(open.flatMap((one) => (one.lane === null ? [] : { ...one, lane: one.lane, jobId: jobIdOf(one) })))
    await deps.queue.add(oneOfEachJob(open).map((one) => jobOf(one, deps.clock.now())))
    deps.observe?.fannedOut(
      events.map((event, i) => ({ event, deliveries: deliveries[i]?.length ?? 0 })),
      since,
      deps.clock.now(),
    )
    mark(events.map(({ envelope }, i) => ({ id: envelope.id, matched: deliveries[i]?.length ?? 0 })))
  }

  /** Shares its commit with the rows of the next round. An event that stays unmarked is found by the sweep and fanned out again. */
  function mark(events: { id: string; matched: number }[]): void {
    const marked = deps.storage.events
      .markFannedOut(events, deps.clock.now())
      .catch((error: unknown) => deps.log.warn({ err: error, events: events.length }, 'events not marked as fanned out, will be repeated'))
      .finally(() => marks.delete(marked))
    marks.add(marked)
  }

  /** What a row of an earlier, unfinished round says of its batch stays so. */
  async function createRows(deliveries: NewDelivery[]): Promise<OpenDelivery[]> {
    const batches = new Map<string, string | null>()
    for (let at = 0; at < deliveries.length; at += rowsPerCommit) {
      const piece = await deps.storage.deliveries.create(deliveries.slice(at, at + rowsPerCommit), deps.clock.now())
      for (const { id, batchId } of piece) batches.set(id, batchId)
    }
    return deliveries.flatMap((delivery) => {
      const batchId = batches.get(delivery.id)
      const retry = terms[delivery.webhookId]?.retry
      return batchId === undefined || !retry ? [] : { ...delivery, batchId, generation: 0, step: 0, nextAttemptAt: null, retry }
    })
  }

  async function runRounds(): Promise<void> {
    while (!stopping) {
      if (held.size === 0) await new Promise<void>((resolve) => (wake = resolve))
      const round = [...held.values()].slice(0, roundEvents)
      if (round.length === 0) continue
      try {
        await fanOut(round)
        for (const event of round) held.delete(event.envelope.id)
        failed = false
      } catch (error) {
        if (stopping) return
        if (!failed) deps.log.warn({ err: error, events: held.size }, 'fan-out failed, will be repeated')
        // Bodies without jobs are drained by nobody: a Redis that was filled by them would never have room again. What has its job reads SQL.
        await deps.bodies.unlink(round.map(({ envelope }) => envelope.id)).catch(() => {})
        failed = true
        await new Promise((resolve) => setTimeout(resolve, pauseAfterFaultMs))
      }
    }
  }

  async function sweep(olderThanMs: number): Promise<void> {
    if (held.size >= heldEvents) return
    const overdue = await deps.storage.events.notFannedOut(deps.clock.now() - olderThanMs, roundEvents * 5)
    if (overdue.length > 0) deps.log.info({ events: overdue.length }, 'events found that were not fanned out')
    offer(overdue)
  }

  function offer(events: AcceptedEvent[]): void {
    if (stopping) return
    for (const event of events) if (held.size < heldEvents) held.set(event.envelope.id, event)
    wake()
  }

  const failedSweep = (error: unknown) => deps.log.warn({ err: error }, 'sweep failed, will be repeated')
  const timer = setInterval(() => void sweep(overdueMs).catch(failedSweep), sweepEveryMs)
  const rounds = runRounds()
  void sweep(0).catch(failedSweep)

  return {
    offer,
    async stop() {
      stopping = true
      clearInterval(timer)
      wake()
      await rounds
      await Promise.all(marks)
    },
  }
}
