import type { EventDraft } from '../contracts/event.ts'
import type { AcceptResult, NewEvent, Page } from './records.ts'

// ── partial events ─────────────────────────────────────────────────────────────────────────────────────────────────

/** What an adapter read in a partial event; its bytes are stored beside it. */
export type PartialDraft = Omit<EventDraft, 'raw' | 'data'>
export type PartialState = 'waiting' | 'accepted' | 'discarded' | 'failed'

/** An event that says only that something happened. It waits to be completed by a lookup, and ends in one of three ways. */
export type PartialEvent = {
  id: string
  organizationId: string
  source: string
  dedupKey: string | null
  bodyHash: string
  draft: PartialDraft
  /** The JSON text of the event as it came. */
  raw: Uint8Array
  headers: Record<string, string>
  receivedAt: number
  updatedAt: number
  state: PartialState
  /** Lookups made so far. */
  attempts: number
  /** Of the next lookup; null when there is none. */
  nextAttemptAt: number | null
  lastStatusCode: number | null
  reason: string | null
  /** The event that it became. */
  eventId: string | null
}
export type NewPartial = Pick<
  PartialEvent,
  'id' | 'organizationId' | 'source' | 'dedupKey' | 'bodyHash' | 'draft' | 'raw' | 'headers' | 'receivedAt'
>
export type DuePartial = Pick<PartialEvent, 'id' | 'attempts' | 'organizationId' | 'source'> & { nextAttemptAt: number }

/**
 * What makes two partial events with one dedup key the same: `bytes`, `id` as for events. With `content` the key is made
 * of the content: the same again is news once the first has been looked up, and until then asks for one more look.
 */
export type PartialIdentity = 'bytes' | 'id' | 'content'

export type PartialStore = {
  /** All or nothing, committed to disk. `ids` are those of the rows, new or known; another body under a known id is a conflict. */
  receive(
    partials: NewPartial[],
    identity: PartialIdentity,
  ): Promise<{ kind: 'received'; partials: { id: string; duplicate: boolean }[] } | { kind: 'conflict'; index: number }>
  load(id: string): Promise<PartialEvent | undefined>
  /** Newest first. */
  list(
    organizationId: string,
    source: string,
    page: { state?: PartialState | undefined; limit: number; after?: string | undefined },
  ): Promise<Page<PartialEvent>>
  /** Waiting ones whose lookup is due before the time, earliest first; those after the last one of the page before. */
  due(before: number, limit: number, after?: Pick<DuePartial, 'id' | 'nextAttemptAt'>): Promise<DuePartial[]>
  /** Notes a lookup that led to nothing; the next is due then. */
  postpone(
    id: string,
    attempt: { attempts: number; statusCode: number | null; reason: string; nextAttemptAt: number },
    now: number,
  ): Promise<void>
  /** Ends one that becomes no event. `false`: it has ended, or was sent again since `receivedAt` and needs one more look. */
  end(
    id: string,
    receivedAt: number,
    end: { state: 'discarded' | 'failed'; attempts: number; statusCode: number | null; reason: string },
    now: number,
  ): Promise<boolean>
  /** A failed one waits again, with all its attempts. `open`: it is not failed. */
  retry(organizationId: string, source: string, id: string, now: number): Promise<PartialEvent | 'open' | undefined>
  /** Removes what has ended: failed ones received before the one time, all others before the other. */
  forget(before: { ended: number; failed: number }, limit: number): Promise<number>
}

// ── the collect view ───────────────────────────────────────────────────────────────────────────────────────────────

/** The latest version of an entity. `seq` grows with every change in the view of its source, and is the cursor. */
export type Collected = {
  entityId: string
  seq: number
  hash: string
  deleted: boolean
  /** Its members as JSON text, without `_id`, `_deleted` and those that keep account. */
  entity: string
  updatedAt: number
}
export type EntityVersion = Pick<Collected, 'entityId' | 'hash' | 'deleted' | 'entity'>

export type Scan = {
  id: string
  isFull: boolean
  lastRequestId: string
  /** The view's cursor when it began. */
  startSeq: number
  state: 'running' | 'finished' | 'broken'
  created: number
  updated: number
  deleted: number
  unchanged: number
  startedAt: number
}

export type ViewChange = {
  organizationId: string
  source: string
  /** What the change was made from; null: not there. */
  expected: { entityId: string; seq: number | null }[]
  versions: EntityVersion[]
  /** Marks versions and `seen` as part of it. */
  scanId: string | null
  /** Entities of the scan that have not changed. */
  seen: string[]
  /** The scan as it is now, and the `lastRequestId` it must have had; null: it is new, and any other that runs is broken. */
  scan: (Scan & { expects: string | null }) | null
  /** The partial event that this comes of, ended by it. */
  partial: { id: string; receivedAt: number; attempts: number; statusCode: number | null; reason: string | null } | null
}

export type CollectStore = {
  current(organizationId: string, source: string, entityIds: string[]): Promise<Collected[]>
  /** By `seq`, those after `since`. */
  page(organizationId: string, source: string, page: { since: number; limit: number }): Promise<Collected[]>
  /** The last `seq` of the view, 0 when it is empty; and how many of its entities are not deleted. */
  extent(organizationId: string, source: string): Promise<{ seq: number; live: number }>
  scan(organizationId: string, source: string, id: string): Promise<Scan | undefined>
  /** Entities, not deleted, that the scan has not had and nothing else has changed since its start, by id. */
  missing(
    organizationId: string,
    source: string,
    scan: { id: string; startSeq: number },
    page: { limit: number; after?: string | undefined },
  ): Promise<Collected[]>
  /**
   * The view and the events that tell of it, in one transaction: neither is there without the other. `stale`: something
   * is not as expected any more, and nothing was written.
   */
  apply(
    change: ViewChange,
    request: { events: NewEvent[]; idempotency?: { key: string; bodyHash: string } | undefined; now: number },
  ): Promise<AcceptResult | { kind: 'stale' }>
}
