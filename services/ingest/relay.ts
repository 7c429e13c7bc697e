import type { Clock } from '../../shared/clock.ts'
import type { Envelope } from '../../shared/contracts/event.ts'
import type { RetryPolicy } from '../../shared/contracts/retry.ts'
import { deliveryId } from '../../shared/id.ts'
import type { Logger } from '../../shared/logger.ts'
import { createMatcher, type Matcher } from '../../shared/match.ts'
import type { DeliveryQueue, QueuedDelivery } from '../../shared/queue.ts'
import type { NewDelivery, Storage } from '../../shared/storage/storage.ts'
import type { Bodies } from '../../shared/transport.ts'

export type RelayDeps = {
  storage: Pick<Storage, 'events' | 'deliveries' | 'subscriptions' | 'webhooks'>
  queue: Pick<DeliveryQueue, 'add'>
  bodies: Pick<Bodies, 'put'>
  clock: Clock
  log: Logger
}
export type AcceptedEvent = { envelope: Envelope; data: string; receivedAt: number }
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
  let matcher: Matcher = createMatcher(-1, [])
  let retry: Record<string, RetryPolicy> = {}
  let wake: () => void = () => {}
  let stopping = false
  let failed = false

  /** An event committed after a subscription was must be matched by it: the version is asked for once per round. */
  async function refreshMatcher(): Promise<void> {
    if ((await deps.storage.webhooks.registryVersion()) === matcher.version) return
    const inForce = await deps.storage.subscriptions.inForce()
    matcher = createMatcher(inForce.version, inForce.subscriptions)
    retry = inForce.retry
  }

  async function match(event: AcceptedEvent): Promise<NewDelivery[]> {
    const { envelope, receivedAt } = event
    const wanted = envelope.to ? await addressed(envelope.to) : matcher.match(envelope)
    const { organizationId, id: eventId, type: eventType } = envelope
    return [...wanted].map(([webhookId, subscriptionIds]) => ({
      id: deliveryId(eventId, webhookId),
      organizationId,
      eventId,
      webhookId,
      eventType,
      subscriptionIds,
      acceptedAt: receivedAt,
      batchId: null,
      lane: null,
      cause: null,
    }))
  }

  async function addressed(webhookIds: string[]): Promise<Map<string, string[]>> {
    const webhooks = await Promise.all(webhookIds.map((id) => deps.storage.webhooks.load(id)))
    const found = webhooks.filter((webhook) => webhook !== undefined)
    for (const webhook of found) retry[webhook.id] ??= webhook.retry
    return new Map(found.map((webhook) => [webhook.id, []]))
  }

  async function fanOut(events: AcceptedEvent[]): Promise<void> {
    await refreshMatcher()
    const deliveries = await Promise.all(events.map(match))
    const open = await createRows(deliveries.flat())
    const jobs = deliveries.flat().filter((delivery) => open.has(delivery.id))
    const needed = new Set(jobs.map((job) => job.eventId))

    await deps.bodies.put(events.filter((event) => needed.has(event.envelope.id)))
    await deps.queue.add(jobs.map(toJob))
    await deps.storage.events.markFannedOut(
      events.map(({ envelope }, i) => ({ id: envelope.id, matched: deliveries[i]?.length ?? 0 })),
      deps.clock.now(),
    )
  }

  async function createRows(deliveries: NewDelivery[]): Promise<Set<string>> {
    const open = new Set<string>()
    for (let at = 0; at < deliveries.length; at += rowsPerCommit) {
      for (const id of await deps.storage.deliveries.create(deliveries.slice(at, at + rowsPerCommit), deps.clock.now())) open.add(id)
    }
    return open
  }

  function toJob({ id, eventId, webhookId, organizationId }: NewDelivery): QueuedDelivery {
    return { job: { deliveryId: id, eventId, webhookId, organizationId, generation: 0, step: 0 }, retry: retry[webhookId] as RetryPolicy }
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
    },
  }
}
