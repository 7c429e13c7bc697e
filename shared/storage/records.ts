import type { AttemptTimings, DeliveryState, Outcome } from '../contracts/delivery.ts'
import type { Envelope } from '../contracts/event.ts'
import type { Filter } from '../contracts/filter.ts'
import type { CollectSettings, Lookup } from '../contracts/lookup.ts'
import type { RetryPolicy } from '../contracts/retry.ts'

/** What is stored, as the port of `storage.ts` takes and gives it. Times are milliseconds; null: not (yet) there. */
export type Page<T> = { rows: T[]; nextCursor: string | null }

// ── who may do what ────────────────────────────────────────────────────────────────────────────────────────────────

export type Scope = 'ingest' | 'read' | 'write' | 'admin'
export type ApiKey = {
  id: string
  organizationId: string
  label: string
  scopes: Scope[]
  createdAt: number
  expiresAt: number | null
  lastUsedAt: number | null
  /** Requests a second; null: what the settings say. */
  rateLimit: number | null
  /** After a rotation: until when the key it had before is taken too. */
  previousExpiresAt?: number | null
}

export type Session = { id: string; kind: 'link' | 'session'; keyId: string; organizationId: string; createdAt: number; expiresAt: number }

// ── registry ───────────────────────────────────────────────────────────────────────────────────────────────────────

export type NamedSecret = { name: string; sealed: string }

/** `headers` as JSON, sealed with the source's id as owner; null: none. */
export type SealedLookup = Omit<Lookup, 'headers'> & { headers: string | null }

export type Source = {
  id: string
  organizationId: string
  name: string
  adapter: string
  /** Scheme its requests are verified with; null: by API key alone. */
  scheme: string | null
  /** What is set of the scheme, in its own words. */
  schemeParams: Record<string, unknown>
  /** Sealed with the source's id as owner, newest first. */
  secrets: string[]
  /** Sealed likewise; for validation expressions, which ask for secrets by name. Newest first. */
  namedSecrets: NamedSecret[]
  /** What is set of the adapter, in its own words. */
  settings: Record<string, unknown>
  /** Where its partial events are completed; null: its events are whole. */
  lookup: SealedLookup | null
  /** How its entities are kept; null: as its adapter says, if it has any. */
  collect: CollectSettings | null
  createdAt: number
  updatedAt: number
}

/** A request of a source that was refused. */
export type Refusal = { id: string; organizationId: string; source: string; at: number; status: number; reason: string; bytes: number }

export type EventType = {
  organizationId: string
  name: string
  description: string | null
  schema: unknown
  createdAt: number
  updatedAt: number
}

export type WebhookSecret = {
  sealed: string
  createdAt: number
  /** While rotating: until when the old one still signs. */
  expiresAt: number | null
}

/** People of the directory who are told of an event beside the webhook itself. */
export type Recipients = 'owners' | 'followers' | 'admins'

export type Webhook = {
  id: string
  organizationId: string
  url: string
  label: string | null
  active: boolean
  scheme: string
  format: string
  /** Newest first, sealed with the webhook's id as owner. */
  secrets: WebhookSecret[]
  /** Custom headers as JSON, sealed with the webhook's id as owner; null: none. */
  headers: string | null
  /** Settings of its format as JSON, sealed with the webhook's id as owner; null: none. */
  formatSettings: string | null
  retry: RetryPolicy
  timeoutMs: number
  /** Events of one request at most; more than 1 only with a format that has batches. */
  batchSize: number
  /** Whether deliveries wait for those of earlier events: of the same entity, or all; null: they do not. */
  order: 'entity' | 'webhook' | null
  /** Requests under way at once, over all dispatchers; null: a share of what the dispatchers have. */
  maxInFlight: number | null
  /** Requests a second, over all dispatchers; null: no limit. */
  rateLimit: number | null
  /** Webhooks that get an event once this one has it. */
  triggers: string[]
  /** The webhook that gets an event when this one has failed to take it. */
  fallback: string | null
  recipients: Recipients[]
  /** Why Tidings itself switched it off (`receiver answered 410`); null while active or switched off by a person. */
  disabledReason: string | null
  lastSucceededAt: number | null
  lastFailedAt: number | null
  lastFailedStatusCode: number | null
  lastFailedReason: string | null
  lastFailedOutcome: Outcome | null
  /** A delivery used up its retries, and nothing has succeeded since. */
  retriesExhausted: boolean
  nextAttemptAt: number | null
  consecutiveFailures: number
  /** First failure since the last success; null: the last attempt succeeded, or there was none. */
  failingSince: number | null
  /** Warnings given since then. */
  warnings: number
  createdAt: number
  updatedAt: number
}
/** What the deliveries of a webhook are made by. */
export type Terms = Pick<Webhook, 'retry' | 'format' | 'batchSize' | 'order' | 'recipients'>

export type WebhookPatch = Partial<
  Pick<
    Webhook,
    | 'url'
    | 'label'
    | 'active'
    | 'scheme'
    | 'format'
    | 'headers'
    | 'formatSettings'
    | 'retry'
    | 'timeoutMs'
    | 'batchSize'
    | 'order'
    | 'maxInFlight'
    | 'rateLimit'
    | 'triggers'
    | 'fallback'
    | 'recipients'
    | 'secrets'
    | 'disabledReason'
  >
>

// ── accept log ─────────────────────────────────────────────────────────────────────────────────────────────────────

export type NewEvent = {
  envelope: Envelope
  /** What makes it the same event when it is sent again, unique within organization and source; null: never the same. */
  dedupKey: string | null
  bodyHash: string
  raw: Uint8Array
  data: { start: number; end: number } | { text: string }
  /** Request headers worth keeping, credentials removed. */
  headers: Record<string, string>
  receivedAt: number
}

/** Deliveries of events that are about to be accepted, as they were matched at that version of the registry. */
export type FanOutPlan = { version: number; deliveries: NewDelivery[] }

export type AcceptResult =
  /** `planned`: the deliveries of the plan were stored too; without it they are left to the relay. */
  | { kind: 'accepted'; events: { id: string; duplicate: boolean }[]; planned?: boolean }
  /** Nothing was written. `index` is the event whose id is taken by another body; -1: the `Idempotency-Key` is. */
  | { kind: 'conflict'; index: number; id: string }

export type StoredEvent = { envelope: Envelope; data: string; receivedAt: number; fannedOutAt: number | null; matched: number | null }
export type RawEvent = StoredEvent & { raw: Uint8Array; headers: Record<string, string> }

// ── delivery log ───────────────────────────────────────────────────────────────────────────────────────────────────

export type NewDelivery = {
  id: string
  organizationId: string
  eventId: string
  webhookId: string
  eventType: string
  subscriptionIds: string[]
  acceptedAt: number
  batchId: string | null
  lane: string | null
  cause: DeliveryCause | null
}

/** Why a webhook gets an event that none of its subscriptions asked for. */
export type DeliveryCause = { kind: 'trigger' | 'fallback' | 'recipient'; webhookId: string }

export type Delivery = NewDelivery & {
  state: DeliveryState
  generation: number
  attempts: number
  /** Attempts of the current generation that count against its retry policy. */
  step: number
  createdAt: number
  updatedAt: number
  nextAttemptAt: number | null
  lastAttemptAt: number | null
  deliveredAt: number | null
  lastOutcome: Outcome | null
  lastStatusCode: number | null
  lastError: string | null
  reason: string | null
}

/** A delivery with the members of its event that the log searches and shows. */
export type DeliveryRow = Delivery & {
  source: string
  subject: string | null
  entityType: string | null
  entityId: string | null
  entityName: string | null
  webhookLabel: string | null
  webhookUrl: string
}

export type Attempt = {
  id: string
  deliveryId: string
  webhookId: string
  generation: number
  number: number
  startedAt: number
  finishedAt: number | null
  /** Null while the request is under way. */
  outcome: Outcome | null
  statusCode: number | null
  error: string | null
  timings: AttemptTimings | null
  request: { url: string; headers: Record<string, string>; format: string; bodyHash: string; bytes: number } | null
  responseHeaders: Record<string, string> | null
  responseBody: string | null
  responseTruncated: boolean
  nextAttemptAt: number | null
  decision: string | null
}

/** Enough to make the job of a delivery again. */
export type OpenDelivery = Pick<
  Delivery,
  'id' | 'organizationId' | 'eventId' | 'webhookId' | 'generation' | 'step' | 'nextAttemptAt' | 'batchId' | 'lane'
> & {
  retry: RetryPolicy
}

/** A request to send again everything that matches: carried out piece by piece, survives a restart, can be stopped. */
export type Redelivery = {
  id: string
  organizationId: string
  filter: Filter | null
  /** Only deliveries last touched before this, so that it never picks up its own work. */
  before: number
  state: 'running' | 'finished' | 'stopped'
  matched: number
  redelivered: number
  createdAt: number
  updatedAt: number
}
