import { farMs, openStates, type OutcomeEntry } from '../../contracts/delivery.ts'
import type { DeliveryStore, OpenDelivery } from '../storage.ts'
import { inTransaction, type Db } from './database.ts'
import { followUps } from './follow-ups.ts'
import { noteFailure, noteSuccess, type Health } from './webhook-health.ts'
import {
  disableWebhook,
  eventsAtRest,
  loadStanding,
  saveAttempts,
  saveDeliveries,
  saveHealth,
  type AttemptRow,
  type Ended,
  type Standing,
} from './record-rows.ts'

type Finished = Extract<OutcomeEntry, { kind: 'finished' }>
type Started = Extract<OutcomeEntry, { kind: 'started' }>
type Cancelled = Extract<OutcomeEntry, { kind: 'cancelled' }>
type Held = Extract<OutcomeEntry, { kind: 'held' }>

/**
 * Writes a batch of outcomes: its deliveries are locked and read, each entry is applied to them here, in order, and what has
 * changed is written, by one statement for each table. The stream may bring an entry twice, or bring `finished` without
 * `started`; each step therefore states the condition under which it moves a row forward, and none moves one back.
 */
export function recorder(db: Db): DeliveryStore['record'] {
  return async (entries, now) => {
    if (entries.length === 0) return { finishedEvents: [], disabledWebhooks: [], opened: [] }
    const { endedEvents, ...recorded } = await inTransaction(db, async (tx) => {
      const batch = new Batch(await loadStanding(tx, entries), now)
      batch.apply(entries)
      await saveAttempts(tx, batch.changedAttempts())
      await saveDeliveries(tx, batch.changedDeliveries())
      const disabled: { webhookId: string; reason: string }[] = []
      for (const { webhookId, decision } of batch.toDisable)
        if (await disableWebhook(tx, webhookId, decision, now)) disabled.push({ webhookId, reason: decision })
      const opened: OpenDelivery[] = await followUps(tx, { ended: batch.ended, disabled }, now)
      // last, because other processes wait for these rows too
      await saveHealth(tx, batch.health)
      return { endedEvents: [...batch.endedEvents], disabledWebhooks: disabled.map(({ webhookId }) => webhookId), opened }
    })
    // after the commit: of two processes that end the last two deliveries of an event, the later one must see both
    return { ...recorded, finishedEvents: await eventsAtRest(db, endedEvents, now + farMs) }
  }
}

class Batch {
  readonly health = new Map<string, Health>()
  readonly ended: Ended[] = []
  /** Of deliveries that have ended, or are left to wait in SQL. */
  readonly endedEvents = new Set<string>()
  readonly toDisable: Finished[] = []
  readonly #deliveries: Map<string, Standing>
  readonly #attempts: Map<string, AttemptRow>
  readonly #now: number

  constructor({ deliveries, attempts }: { deliveries: Map<string, Standing>; attempts: Map<string, AttemptRow> }, now: number) {
    this.#deliveries = deliveries
    this.#attempts = attempts
    this.#now = now
  }

  changedAttempts = (): AttemptRow[] => [...this.#attempts.values()].filter(({ isChanged }) => isChanged)
  changedDeliveries = (): Standing[] => [...this.#deliveries.values()].filter(({ isChanged }) => isChanged)

  apply(entries: OutcomeEntry[]): void {
    // An attempt whose end is here too needs no row for its start alone.
    const ends = new Set(entries.flatMap((entry) => (entry.kind === 'finished' ? entry.attemptId : [])))
    for (const entry of entries) {
      if (entry.kind === 'started') {
        if (!ends.has(entry.attemptId)) this.#start(entry)
      } else if (entry.kind === 'cancelled') this.#cancel(entry)
      else if (entry.kind === 'held') this.#hold(entry)
      else this.#end(entry)
    }
  }

  #start(entry: Started): void {
    const delivery = this.#deliveries.get(entry.deliveryId)
    if (!delivery || this.#attempts.has(entry.attemptId)) return
    this.#attempts.set(entry.attemptId, { ...begun(entry, delivery.attempts + 1, entry.at), isChanged: true })
    this.#count(delivery, entry.at)
    this.#interruptEarlier(entry, entry.at)
  }

  #end(entry: Finished): void {
    const delivery = this.#deliveries.get(entry.deliveryId)
    if (delivery && this.#finish(entry, delivery)) {
      this.endedEvents.add(delivery.eventId)
      if (entry.state !== 'cancelled') this.ended.push({ entry, delivery: { ...delivery } })
    } else if (delivery && (entry.nextAttemptAt ?? 0) > this.#now + farMs) this.endedEvents.add(delivery.eventId)
    if (entry.disableWebhook) this.toDisable.push(entry)
  }

  /** Whether it ended the delivery. */
  #finish(entry: Finished, delivery: Standing): boolean {
    const known = this.#attempts.get(entry.attemptId)
    // An attempt given up as interrupted may turn out to have finished; a finished one never changes again.
    if (known && known.outcome !== null && known.outcome !== 'interrupted') return false
    if (!known && delivery.attempts > 0) this.#interruptEarlier(entry, entry.startedAt)
    const row = known ?? begun(entry, delivery.attempts + 1, entry.startedAt)
    this.#attempts.set(entry.attemptId, { ...row, ...endOf(entry), isChanged: true })
    const moves = movesOn(delivery, entry)
    if (moves) {
      Object.assign(delivery, standingAfter(entry), { isChanged: true })
      if (!known) delivery.attempts++
    } else if (!known) this.#count(delivery, entry.startedAt)
    const note = entry.result.outcome === 'succeeded' ? noteSuccess : noteFailure
    this.health.set(entry.webhookId, note(entry, this.health.get(entry.webhookId)))
    return moves && entry.state !== 'retrying'
  }

  #cancel({ deliveryId, generation, reason }: Cancelled): void {
    const delivery = this.#deliveries.get(deliveryId)
    if (delivery?.generation !== generation || !openStates.includes(delivery.state)) return
    Object.assign(delivery, { state: 'cancelled', reason, updatedAt: this.#now, nextAttemptAt: null, isChanged: true })
    this.endedEvents.add(delivery.eventId)
  }

  #hold({ deliveryId, generation, step }: Held): void {
    const delivery = this.#deliveries.get(deliveryId)
    if (delivery?.generation !== generation || delivery.step !== step || !openStates.includes(delivery.state)) return
    Object.assign(delivery, { nextAttemptAt: null, isChanged: true })
    this.endedEvents.add(delivery.eventId)
  }

  #count(delivery: Standing, startedAt: number): void {
    delivery.attempts++
    delivery.lastAttemptAt = Math.max(delivery.lastAttemptAt ?? 0, startedAt)
    delivery.isChanged = true
  }

  /** An earlier attempt without an end, now that the next has begun, will not get one. */
  #interruptEarlier({ deliveryId, attemptId }: Started | Finished, startedAt: number): void {
    for (const row of this.#attempts.values()) {
      if (row.deliveryId !== deliveryId || row.id === attemptId || row.outcome !== null || row.startedAt > startedAt) continue
      const why = { error: 'the dispatcher ended in mid-request', decision: 'the delivery is tried again' }
      Object.assign(row, { outcome: 'interrupted', finishedAt: startedAt, ...why, isChanged: true })
    }
  }
}

/** A success counts even for an older generation or after a cancellation: the receiver has the event. */
const movesOn = ({ state, generation, step }: Standing, entry: Finished): boolean =>
  state !== 'succeeded' &&
  ((generation === entry.generation && openStates.includes(state) && step <= entry.step) || entry.state === 'succeeded')

const begun = (entry: Started | Finished, number: number, startedAt: number): AttemptRow => ({
  id: entry.attemptId,
  deliveryId: entry.deliveryId,
  webhookId: entry.webhookId,
  generation: entry.generation,
  number,
  startedAt,
  finishedAt: null,
  outcome: null,
  statusCode: null,
  error: null,
  timings: null,
  request: null,
  responseHeaders: null,
  responseBody: null,
  responseTruncated: false,
  nextAttemptAt: null,
  decision: null,
  isChanged: false,
})

const endOf = ({ at, result, request, nextAttemptAt, decision }: Finished): Partial<AttemptRow> => ({
  finishedAt: at,
  outcome: result.outcome,
  statusCode: result.statusCode ?? null,
  error: result.error ?? null,
  timings: JSON.stringify(result.timings),
  request: JSON.stringify(request),
  responseHeaders: result.responseHeaders ? JSON.stringify(result.responseHeaders) : null,
  responseBody: result.responseBody ?? null,
  responseTruncated: result.responseTruncated ?? false,
  nextAttemptAt,
  decision,
})

const standingAfter = ({ state, step, at, startedAt, result, nextAttemptAt, decision }: Finished): Partial<Standing> => ({
  state,
  step,
  updatedAt: at,
  lastAttemptAt: startedAt,
  lastOutcome: result.outcome,
  lastStatusCode: result.statusCode ?? null,
  lastError: result.error ?? null,
  nextAttemptAt,
  deliveredAt: state === 'succeeded' ? at : null,
  reason: state === 'failed' || state === 'cancelled' ? decision : null,
})
