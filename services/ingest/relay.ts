import type { Clock } from '../../shared/clock.ts'
import type { Logger } from '../../shared/logger.ts'
import type { Format } from '../../shared/payload/format.ts'
import { jobIdOf, jobOf, type DeliveryQueue } from '../../shared/queue.ts'
import type { Registry } from '../../shared/registry.ts'
import type { NewDelivery, OpenDelivery, Storage } from '../../shared/storage/storage.ts'
import type { Bodies, Lanes } from '../../shared/transport.ts'
import { intoBatches } from './grouping.ts'
import type { IngestObserver } from './observe.ts'
import { createMatching, type AcceptedEvent, type Matching } from './matching.ts'
import { gatherMarks } from './marks.ts'
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
/** Members of a batch share theirs. */
const oneOfEachJob = (open: OpenDelivery[]): OpenDelivery[] => [...new Map(open.map((one) => [jobIdOf(one), one])).values()]

/** `planned`: its delivery rows are there already. */
export type OfferedEvent = AcceptedEvent & { planned?: NewDelivery[] | undefined }

export type Relay = {
  /** Deliveries of events that are about to be accepted, to be stored with them; undefined where they are fanned out afterwards. */
  plan: Matching['plan']
  /** Hands over what was just committed. Never waits: what does not fit is found in SQL by the sweep. */
  offer(events: OfferedEvent[]): void
  stop(): Promise<void>
}

/** Events of one round: enough to share its commit, few enough that the first does not wait for the last. */
const roundEvents = 200
/** Beyond this the memory of the process is worth more than the milliseconds of the hand-over. */
const heldEvents = 10_000
/** Rows of one commit, so that a fan-out to many webhooks does not hold the writer. */
const rowsPerCommit = 2_000
const sweptEvents = 1_000
const sweepEveryMs = 5_000
/** A round takes milliseconds; what is older than this was not handed over, or its relay died. */
const overdueMs = 10_000
const pauseAfterFaultMs = 500

/**
 * Fans events out: which webhooks want it → delivery rows → body and jobs in Redis → mark. Each step can be
 * repeated: rows and jobs have ids that follow from event and webhook, and a delivery that has ended needs no job.
 * The mark comes last, so whatever dies in between is found by the sweep and done again from the start. Where little is
 * to be done, the first two steps are taken on the way in: `plan` matches, and the rows share the commit of their event.
 */
export function startRelay(deps: RelayDeps): Relay {
  const held = new Map<string, OfferedEvent>()
  const matching = createMatching(deps.storage)
  const marks = gatherMarks(deps)
  let wake: () => void = () => {}
  let stopping = false
  let failed = false
  /** Something was accepted that was not held: it waits in SQL. */
  let overflowed = false

  async function fanOut(events: OfferedEvent[]): Promise<void> {
    const since = deps.clock.now()
    const unplanned = events.filter(({ planned }) => planned === undefined)
    if (unplanned.length > 0) await matching.refresh()
    const deliveries = await Promise.all(events.map(async (event) => event.planned ?? matching.match(event)))
    const rows = deliveries.flatMap((some, i) => (events[i]?.planned ? [] : some))
    const created = await createRows(intoBatches(rows, matching.termsOf, deps.formats))
    const open = [...events.flatMap(({ planned = [] }) => planned).flatMap((one) => openOf(one, null)), ...created]

    // A Redis that is nearly full needs the rest to drain; in SQL the rows are safe.
    await deps.pressure.room()
    // All stand in their lanes before the first of them has a job, or a later one might pass one that failed to get there.
    await deps.lanes.enter(open.flatMap((one) => (one.lane === null ? [] : { ...one, lane: one.lane, jobId: jobIdOf(one) })))
    // One connection: bodies are asked for first and are there first. A job whose body is not finds it in SQL.
    await Promise.all([deps.bodies.put(events, open), deps.queue.add(oneOfEachJob(open).map((one) => jobOf(one, deps.clock.now())))])
    const matched = events.map((event, i) => ({ event, deliveries: deliveries[i]?.length ?? 0 }))
    deps.observe?.fannedOut(matched, since, deps.clock.now())
    marks.note(matched.map(({ event, deliveries: count }) => ({ id: event.envelope.id, matched: count })))
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
      return batchId === undefined ? [] : openOf(delivery, batchId)
    })
  }

  /** None of a webhook that is gone by now. */
  function openOf(delivery: NewDelivery, batchId: string | null): OpenDelivery[] {
    const retry = matching.termsOf(delivery.webhookId)?.retry
    return retry ? [Object.assign({}, delivery, { batchId, generation: 0, step: 0, nextAttemptAt: null, retry })] : []
  }

  function nextRound(): OfferedEvent[] {
    const round: OfferedEvent[] = []
    for (const event of held.values()) if (round.push(event) === roundEvents) break
    return round
  }

  async function runRounds(): Promise<void> {
    while (!stopping) {
      if (held.size === 0 && overflowed) await fetchMore()
      if (held.size === 0) await new Promise<void>((resolve) => (wake = resolve))
      const round = nextRound()
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
    const overdue = await deps.storage.events.notFannedOut(deps.clock.now() - olderThanMs, sweptEvents)
    if (overdue.length > 0) deps.log.info({ events: overdue.length }, 'events found that were not fanned out')
    // those beyond are no less overdue
    overflowed ||= overdue.length === sweptEvents
    offer(overdue)
  }

  /** With all that was held on its way, what is still unmarked is what was not held. */
  async function fetchMore(): Promise<void> {
    overflowed = false
    await marks.flush()
    await sweep(0).catch(failedSweep)
  }

  function offer(events: OfferedEvent[]): void {
    if (stopping) return
    for (const event of events) {
      if (held.has(event.envelope.id)) continue
      if (held.size < heldEvents) held.set(event.envelope.id, event)
      else overflowed = true
    }
    wake()
  }

  const failedSweep = (error: unknown) => deps.log.warn({ err: error }, 'sweep failed, will be repeated')
  const timer = setInterval(() => void sweep(overdueMs).catch(failedSweep), sweepEveryMs)
  const rounds = runRounds()
  void sweep(0).catch(failedSweep)

  return {
    plan: matching.plan,
    offer,
    async stop() {
      stopping = true
      clearInterval(timer)
      wake()
      await rounds
      await marks.flush()
    },
  }
}
