import type { DeliveryState, OutcomeEntry } from '../contracts/delivery.ts'
import type { Filter, SortKey } from '../contracts/filter.ts'
import type { Subscription } from '../contracts/subscription.ts'
import type { AuditStore } from './audit.ts'
import type { CollectStore, PartialStore } from './collect.ts'
import type { DirectoryStore } from './directory.ts'
import type { LedgerStore } from './ledger.ts'
import type { OpenMetadataStore } from './openmetadata.ts'
import type { ReplayStore } from './replay.ts'
import type { StatsStore } from './stats.ts'
import type { RetentionStore } from './retention.ts'
import type {
  AcceptResult,
  ApiKey,
  Attempt,
  DeliveryRow,
  EventType,
  FanOutPlan,
  NewDelivery,
  NewEvent,
  OpenDelivery,
  Page,
  RawEvent,
  Redelivery,
  Refusal,
  Session,
  Source,
  StoredEvent,
  Terms,
  Webhook,
  WebhookPatch,
} from './records.ts'

/** Who uses the port uses its records: one import for both. */
export type * from './records.ts'
export type * from './collect.ts'
export type * from './stats.ts'
export type * from './replay.ts'
export type { Subscription }

/**
 * The port to SQL, which is the truth. One method is one transaction and one business fact; nothing of SQL crosses.
 * Every method is asynchronous because no dialect may run on the thread of a request. Times are milliseconds.
 * "not found" is `undefined`; a violated uniqueness is a return value, never an exception; anything thrown is a fault.
 */
export type Storage = {
  keys: KeyStore
  sessions: SessionStore
  audit: AuditStore
  sources: SourceStore
  refusals: RefusalStore
  sealed: SealedStore
  eventTypes: EventTypeStore
  webhooks: WebhookStore
  health: HealthStore
  subscriptions: SubscriptionStore
  openMetadata: OpenMetadataStore
  directory: DirectoryStore
  events: EventStore
  partials: PartialStore
  collect: CollectStore
  deliveries: DeliveryStore
  redeliveries: RedeliveryStore
  replays: ReplayStore
  stats: StatsStore
  ledger: LedgerStore
  retention: RetentionStore
  /** Resolves when reads and writes work, rejects otherwise. */
  ping(): Promise<void>
  close(): Promise<void>
}

export type PageRequest = { filter?: Filter | undefined; sort?: SortKey[] | undefined; limit: number; after?: string | undefined }

// ── who may do what ────────────────────────────────────────────────────────────────────────────────────────────────

export type KeyStore = {
  /** `false` when the hash is already there. Creates the organization of the key where it does not exist yet. */
  create(key: ApiKey, hash: string): Promise<boolean>
  /** By the hash it has, or the one it had before a rotation while that is still taken. Expired keys are not found. */
  findByHash(hash: string, now: number): Promise<ApiKey | undefined>
  list(organizationId: string): Promise<ApiKey[]>
  /** `last admin`: refused, since nobody could let anybody in again. */
  update(
    organizationId: string,
    id: string,
    patch: Partial<Pick<ApiKey, 'label' | 'scopes' | 'expiresAt' | 'rateLimit'>>,
    now: number,
  ): Promise<ApiKey | 'last admin' | undefined>
  /** Gives it another hash. The one before is taken until `previousExpiresAt`; null: not any more, and its sign-ins end. */
  rotate(organizationId: string, id: string, hash: string, previousExpiresAt: number | null): Promise<ApiKey | undefined>
  /** Also ends its sign-ins. */
  remove(organizationId: string, id: string, now: number): Promise<boolean | 'last admin'>
  /** Notes the last use; called at most once a minute for each key. */
  touch(id: string, now: number): Promise<void>
  /** How many keys there are in all organizations: 0 means a first start. */
  count(): Promise<number>
  /** Ids of all organizations. */
  organizations(): Promise<string[]>
}

/** Sign-ins, and the links that open one. The id is a hash of what the browser holds. */
export type SessionStore = {
  /** Also forgets those that have expired. */
  create(session: Session): Promise<void>
  /** With its key as it is now; undefined when the session or its key has expired or is removed. */
  find(id: string, now: number): Promise<{ session: Session; key: ApiKey } | undefined>
  /** Opens the session that a link stands for. The link is used up by it. */
  redeem(linkId: string, session: Pick<Session, 'id' | 'createdAt' | 'expiresAt'>): Promise<{ session: Session; key: ApiKey } | undefined>
  extend(id: string, expiresAt: number): Promise<void>
  remove(id: string): Promise<boolean>
}

// ── registry ───────────────────────────────────────────────────────────────────────────────────────────────────────

export type SourceStore = {
  /** `false` when the organization has a source of that name. */
  create(source: Source): Promise<boolean>
  find(organizationId: string, name: string): Promise<Source | undefined>
  /** For requests that show a signature and no API key: by id, or by a name that only one organization uses. */
  locate(idOrName: string): Promise<Source | undefined>
  /** For a path that belongs to one kind of catalog: sources of that adapter, of all organizations, oldest first. */
  ofAdapter(adapter: string, limit: number): Promise<Source[]>
  list(organizationId: string): Promise<Source[]>
  update(
    organizationId: string,
    name: string,
    patch: Partial<Pick<Source, 'adapter' | 'scheme' | 'schemeParams' | 'secrets' | 'namedSecrets' | 'settings' | 'lookup' | 'collect'>>,
    now: number,
  ): Promise<Source | undefined>
  remove(organizationId: string, name: string): Promise<boolean>
}

export type SealedKind = 'webhook' | 'source'
/** Sealed values, whatever they are of, for sealing them with another key. The owner is the id of their row. */
export type SealedStore = {
  /** In the order of ids; removed webhooks too. */
  list(kind: SealedKind, after: string, limit: number): Promise<{ id: string; values: string[] }[]>
  /** Only values that are still there are replaced; all in one transaction. How many rows there were. */
  replace(kind: SealedKind, changes: { id: string; pairs: { from: string; to: string }[] }[]): Promise<number>
}

export type RefusalStore = {
  /** Of each source, the last `keep` stay. */
  add(refusals: Refusal[], keep: number): Promise<void>
  /** Newest first. */
  list(organizationId: string, source: string, limit: number): Promise<Refusal[]>
}

export type EventTypeStore = {
  put(eventType: EventType): Promise<void>
  find(organizationId: string, name: string): Promise<EventType | undefined>
  list(organizationId: string): Promise<EventType[]>
  remove(organizationId: string, name: string): Promise<boolean>
}

export type WebhookStore = {
  /** Triggers or a fallback that are not there or make a loop reject with a `Problem` that names them, here and in `update`. */
  create(webhook: Webhook): Promise<void>
  /** Removed webhooks are not found. */
  find(organizationId: string, id: string): Promise<Webhook | undefined>
  /** For who knows the id from a delivery. */
  load(id: string): Promise<Webhook | undefined>
  /** Those of these that are there, in any order, each once: many cost little more than one. */
  loadAll(ids: string[]): Promise<Webhook[]>
  /** Newest first. The cursor is opaque; an unreadable one rejects with a `Problem`. */
  list(organizationId: string, page: { limit: number; after?: string | undefined }): Promise<Page<Webhook>>
  /** An unknown field, a value of the wrong type or a bad cursor rejects with a `Problem` that names it. */
  filter(organizationId: string, request: PageRequest): Promise<Page<Webhook>>
  update(organizationId: string, id: string, patch: WebhookPatch, now: number): Promise<Webhook | undefined>
  /** Also removes its subscriptions and all references to it, and cancels its open deliveries, in the same transaction. */
  remove(organizationId: string, id: string, now: number): Promise<boolean>
  /** Grows with every change of a webhook, subscription or source, so that a cache knows when it is stale. */
  registryVersion(): Promise<number>
}

/** What becomes of webhooks that fail for days. The event tells of it, and is stored with it or not at all. */
export type HealthStore = {
  /** Active webhooks that have not succeeded since they failed. */
  failing(): Promise<Webhook[]>
  /** Nothing happens where it has succeeded by now. */
  warn(webhookId: string, warnings: number, event: NewEvent): Promise<boolean>
  disable(webhookId: string, reason: string, event: NewEvent, now: number): Promise<boolean>
}

export type SubscriptionStore = {
  /** One with the same pattern and filters is returned as it is, not added again. Undefined: no such webhook. */
  add(subscription: Subscription): Promise<Subscription | undefined>
  list(organizationId: string, webhookId: string): Promise<Subscription[] | undefined>
  remove(organizationId: string, webhookId: string, id: string, now: number): Promise<boolean>
  /** Makes the given set the whole set; those that stay keep their ids. Undefined: no such webhook. */
  replace(organizationId: string, webhookId: string, subscriptions: Subscription[], now: number): Promise<Subscription[] | undefined>
  /** For the matcher: every subscription in force of an active webhook, those webhooks' retry policies, and the registry version all this belongs to. */
  inForce(): Promise<{ version: number; subscriptions: Subscription[]; terms: Record<string, Terms> }>
  /** To explain a match later: those of an organization that were in force at a time, removed ones included. */
  inForceAt(
    organizationId: string,
    at: number,
  ): Promise<{ subscription: Subscription; webhookLabel: string | null; webhookUrl: string; webhookActive: boolean }[]>
}

// ── accept log ─────────────────────────────────────────────────────────────────────────────────────────────────────

export type EventStore = {
  /** All or nothing. Resolves once the commit is on disk. `idempotency` makes the whole request repeatable. */
  accept(request: {
    events: NewEvent[]
    /** Stored in the same commit where the registry is still at its version, and the engine does that. */
    plan?: FanOutPlan | undefined
    organizationId: string
    idempotency?: { key: string; bodyHash: string } | undefined
    now: number
  }): Promise<AcceptResult>
  find(organizationId: string, id: string): Promise<RawEvent | undefined>
  load(id: string): Promise<StoredEvent | undefined>
  /** An unknown field, a value of the wrong type or a bad cursor rejects with a `Problem` that names it. Without data. */
  filter(organizationId: string, request: PageRequest): Promise<Page<Omit<StoredEvent, 'data'>>>
  /** Accepted before the time but not fanned out, oldest first. */
  notFannedOut(before: number, limit: number): Promise<StoredEvent[]>
  markFannedOut(events: { id: string; matched: number }[], now: number): Promise<void>
}

// ── delivery log ───────────────────────────────────────────────────────────────────────────────────────────────────

export type RedeliveryStore = {
  /** How many deliveries a redelivery would open now. */
  count(wanted: Pick<Redelivery, 'organizationId' | 'filter'>): Promise<number>
  create(redelivery: Pick<Redelivery, 'id' | 'organizationId' | 'filter' | 'before' | 'matched'>, now: number): Promise<Redelivery>
  find(organizationId: string, id: string): Promise<Redelivery | undefined>
  list(organizationId: string, page: { limit: number }): Promise<Redelivery[]>
  stop(organizationId: string, id: string, now: number): Promise<Redelivery | undefined>
  running(): Promise<Redelivery[]>
  /** Opens the next generation of up to `limit` deliveries that match and counts them, in one transaction; finishes it when none is left. */
  advance(id: string, limit: number, now: number): Promise<OpenDelivery[]>
}

export type CountBounds = { upTo?: number | undefined; patienceMs?: number | undefined }

export type DeliveryStore = {
  /** Ignores pairs that exist. Returns those of the given ids that are open and were not tried yet, that is: which need a job, with the batch that they were put into. */
  create(deliveries: NewDelivery[], now: number): Promise<{ id: string; batchId: string | null }[]>
  /**
   * The only writer of outcomes. Idempotent on attempt ids; never moves an attempt or a finished delivery back,
   * nor an open one to an earlier step of its generation.
   * @param texts the same entries as JSON, arrays or single ones, where they are at hand: another thread then gets these
   */
  record(
    entries: OutcomeEntry[],
    now: number,
    texts?: string[],
  ): Promise<{
    /** Events whose bodies need not lie in Redis: of their deliveries none is open, or those that are wait in SQL. */
    finishedEvents: string[]
    disabledWebhooks: string[]
    /** Deliveries that came about by the end of others: triggered, or taken over. */
    opened: OpenDelivery[]
  }>
  find(organizationId: string, id: string): Promise<{ delivery: DeliveryRow; attempts: Attempt[] } | undefined>
  ofEvent(organizationId: string, eventId: string, page: { limit: number }): Promise<DeliveryRow[]>
  /** An unknown field, a value of the wrong type or a bad cursor rejects with a `Problem` that names it. */
  filter(organizationId: string, request: PageRequest & { patienceMs?: number | undefined }): Promise<Page<DeliveryRow>>
  /** Not exact when it stopped at one of the bounds: then there are at least so many. */
  count(organizationId: string, filter: Filter | undefined, bounds?: CountBounds): Promise<{ count: number; exact: boolean }>
  /** Opens the next generation. Undefined: no such delivery; `gone`: its webhook is removed or not active; `open`: it is still under way, and not held. */
  redeliver(organizationId: string, id: string, now: number): Promise<OpenDelivery | 'gone' | 'open' | undefined>
  /** Open deliveries whose next attempt is due before the time, earliest first; those after the last one of the page before. None that is held. */
  dueBefore(time: number, limit: number, after?: Pick<OpenDelivery, 'id' | 'nextAttemptAt'>): Promise<OpenDelivery[]>
  /** Webhooks with held deliveries: open ones without a time, that wait until there is room for them in Redis. */
  heldWebhooks(): Promise<string[]>
  /** Makes so many held ones of the webhook due now, the oldest first. */
  release(webhookId: string, limit: number, now: number): Promise<OpenDelivery[]>
  /** Those of a batch that are open, in the order of their events. */
  openInBatch(batchId: string): Promise<{ deliveryId: string; eventId: string; generation: number }[]>
  /** Events of a batch as it was made, in the order in which they are sent. */
  eventsInBatch(batchId: string): Promise<string[]>
  /** Those of the given ids that are open at this moment. */
  stillOpen(ids: string[]): Promise<OpenDelivery[]>
  /** Marks attempts that were started before the time and never finished. */
  interrupt(startedBefore: number, now: number): Promise<number>
  /** Deliveries by state, of one organization, accepted within the range. */
  tally(
    organizationId: string,
    range: { from: number; to: number },
  ): Promise<{
    events: number
    matched: number
    matchedNothing: number
    notFannedOut: number
    states: Record<DeliveryState, number>
    attempts: number
  }>
}
