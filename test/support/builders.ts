import type { Envelope } from '../../shared/contracts/event.ts'
import { defaultRetryPolicy, type RetryPolicy } from '../../shared/contracts/retry.ts'
import type { DirectoryEntry } from '../../shared/storage/directory.ts'
import type { NewEvent, Subscription, Webhook } from '../../shared/storage/storage.ts'

/** Things as tests want them: whole, valid, and with the members that the test is about given by name. */

export const someTime = Date.UTC(2026, 3, 15, 9, 0, 3)
let last = 0
/** Different on each call, and in the form of the ids that the service makes. */
export const anId = (): string => `0190b6a2-7c1e-7a64-9a0e-${(++last).toString(16).padStart(12, '0')}`

/** The body of `POST /events`. */
export const anEvent = (members: Record<string, unknown> = {}): Record<string, unknown> => ({
  type: 'table.updated',
  entity: { type: 'table', name: 'warehouse.sales.orders' },
  data: { rows: 3 },
  ...members,
})

export const anEnvelope = (members: Partial<Envelope> = {}): Envelope => ({
  id: anId(),
  organizationId: 'org',
  source: 'api',
  type: 'table.updated',
  time: new Date(someTime).toISOString(),
  ...members,
})

export function aNewEvent(members: Partial<Envelope> = {}, receivedAt = someTime): NewEvent {
  const envelope = anEnvelope(members)
  return {
    envelope,
    dedupKey: null,
    bodyHash: envelope.id,
    raw: Buffer.from('{"data":{"rows":3}}'),
    data: { text: '{"rows":3}' },
    headers: {},
    receivedAt,
  }
}

export const aSubscription = (members: Partial<Subscription> = {}): Subscription => ({
  id: anId(),
  organizationId: 'org',
  webhookId: 'webhook',
  eventType: '*',
  filters: {},
  createdAt: someTime,
  deletedAt: null,
  ...members,
})

export const aWebhook = (members: Partial<Webhook> = {}): Webhook => ({
  id: anId(),
  organizationId: 'org',
  url: 'http://127.0.0.1:9/',
  label: null,
  active: true,
  scheme: 'standard-webhooks',
  format: 'tidings',
  secrets: [],
  headers: null,
  formatSettings: null,
  retry: defaultRetryPolicy,
  timeoutMs: 10_000,
  batchSize: 1,
  order: null,
  maxInFlight: null,
  rateLimit: null,
  triggers: [],
  fallback: null,
  recipients: [],
  disabledReason: null,
  lastSucceededAt: null,
  lastFailedAt: null,
  lastFailedStatusCode: null,
  lastFailedReason: null,
  lastFailedOutcome: null,
  retriesExhausted: false,
  nextAttemptAt: null,
  consecutiveFailures: 0,
  failingSince: null,
  warnings: 0,
  createdAt: someTime,
  updatedAt: someTime,
  ...members,
})

export const anEntry = (members: Partial<DirectoryEntry> = {}): DirectoryEntry => ({
  organizationId: 'org',
  kind: 'user',
  name: anId(),
  displayName: null,
  email: null,
  isAdmin: false,
  webhookId: null,
  members: [],
  source: null,
  updatedAt: someTime,
  ...members,
})

/** Delays that a test need not wait for. */
export const fast = (...delaysSeconds: number[]): RetryPolicy => ({
  strategy: 'schedule',
  delays_seconds: delaysSeconds,
  jitter: 0,
  honour_retry_after: true,
})
