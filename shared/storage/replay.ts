import type { Filter } from '../contracts/filter.ts'
import type { NewDelivery, OpenDelivery, StoredEvent } from './records.ts'

/** A request to match old events again for one webhook: carried out piece by piece, survives a restart, can be stopped. */
export type Replay = {
  id: string
  organizationId: string
  webhookId: string
  /** Events accepted at or after `since` and before `until` are looked at, of them those that match the filter. */
  since: number
  until: number
  filter: Filter | null
  state: 'running' | 'finished' | 'stopped'
  /** Why it was stopped where nobody asked for it; null otherwise. */
  reason: string | null
  /** How many events there were to look at when it was asked for. */
  events: number
  /** How many have been looked at. */
  examined: number
  /** Deliveries made so far. */
  deliveries: number
  createdAt: number
  updatedAt: number
}

/** An event as it is looked at: without its data, which no subscription asks for. */
export type ReplayEvent = Omit<StoredEvent, 'data'> & {
  /** Whether there is a delivery of it to the webhook, whatever brought that about. */
  delivered: boolean
}

export type ReplayStore = {
  /** How many events there are to look at. An unknown field or a value of the wrong type rejects with a `Problem` that names it. */
  count(replay: Pick<Replay, 'organizationId' | 'since' | 'until' | 'filter'>): Promise<number>
  /** Finished at once where there is no event to look at. */
  create(
    replay: Pick<Replay, 'id' | 'organizationId' | 'webhookId' | 'since' | 'until' | 'filter' | 'events'>,
    now: number,
  ): Promise<Replay>
  find(organizationId: string, id: string): Promise<Replay | undefined>
  /** The newest of a webhook. */
  latest(organizationId: string, webhookId: string): Promise<Replay | undefined>
  list(organizationId: string, page: { limit: number }): Promise<Replay[]>
  stop(organizationId: string, id: string, now: number, reason?: string): Promise<Replay | undefined>
  running(): Promise<Replay[]>
  /** The events that come next, oldest first. */
  next(id: string, limit: number): Promise<ReplayEvent[]>
  /**
   * In one transaction: makes those deliveries that are not there yet, counts them at their events and at the replay, and moves on
   * behind the last event that was looked at; without one, it is finished. Returns what was made; nothing once it is stopped.
   */
  advance(
    id: string,
    step: { deliveries: NewDelivery[]; examined: number; last: Pick<ReplayEvent, 'envelope' | 'receivedAt'> | undefined },
    now: number,
  ): Promise<OpenDelivery[]>
}
