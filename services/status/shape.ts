import type * as wire from '../../shared/contracts/api/delivery.ts'
import type { EventType } from '../../shared/contracts/api/event-type.ts'
import type { Key } from '../../shared/contracts/api/key.ts'
import type { Subscription } from '../../shared/contracts/api/subscription.ts'
import type { Webhook } from '../../shared/contracts/api/webhook.ts'
import { openStates } from '../../shared/contracts/delivery.ts'
import { modeOf } from '../../shared/contracts/retry.ts'
import type { Subscription as StoredSubscription } from '../../shared/contracts/subscription.ts'
import type { Vault } from '../../shared/secrets.ts'
import type * as stored from '../../shared/storage/storage.ts'
import { maskUrl, secretName } from './mask.ts'

/** From rows to the wire: names in snake_case, times as ISO 8601, nothing that only the store needs. */
export const iso = (time: number): string => new Date(time).toISOString()
export const isoOrNull = (time: number | null): string | null => (time === null ? null : iso(time))

/** Whole URLs are for who may change them. */
export const urlFor = (key: stored.ApiKey, url: string): string => (mayWrite(key) ? url : maskUrl(url))
export const mayWrite = (key: stored.ApiKey): boolean => key.scopes.includes('write') || key.scopes.includes('admin')

export const onePage = <T>(data: T[]) => ({ data, meta: { next_cursor: null, has_more: false } })
export const pageOf = <Row, T>(page: stored.Page<Row>, shape: (row: Row) => T) => ({
  data: page.rows.map(shape),
  meta: { next_cursor: page.nextCursor, has_more: page.nextCursor !== null },
})

export const hidden = '[hidden]'

export const openHeaders = (webhook: Pick<stored.Webhook, 'id' | 'headers'>, vault: Vault): Record<string, string> =>
  webhook.headers === null ? {} : (JSON.parse(vault.open(webhook.headers, webhook.id)) as Record<string, string>)

export const openSettings = (webhook: Pick<stored.Webhook, 'id' | 'formatSettings'>, vault: Vault): Record<string, unknown> =>
  webhook.formatSettings === null ? {} : (JSON.parse(vault.open(webhook.formatSettings, webhook.id)) as Record<string, unknown>)

const hideSecrets = (settings: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, secretName.test(name) ? hidden : value]))

export function webhookOf(webhook: stored.Webhook, key: stored.ApiKey, { vault, now }: { vault: Vault; now: number }): Webhook {
  return {
    id: webhook.id,
    url: urlFor(key, webhook.url),
    label: webhook.label,
    active: webhook.active,
    created_at: iso(webhook.createdAt),
    updated_at: iso(webhook.updatedAt),
    status: !webhook.active ? 'disabled' : webhook.consecutiveFailures > 0 ? 'failing' : 'active',
    disabled_reason: webhook.disabledReason,
    failure_details: failureDetailsOf(webhook),
    scheme: webhook.scheme,
    format: webhook.format,
    format_settings: hideSecrets(openSettings(webhook, vault)),
    headers: Object.fromEntries(Object.keys(openHeaders(webhook, vault)).map((name) => [name, hidden])),
    retry: webhook.retry,
    mode: modeOf(webhook.retry),
    timeout_ms: webhook.timeoutMs,
    batch_size: webhook.batchSize,
    order: webhook.order,
    max_in_flight: webhook.maxInFlight,
    rate_limit: webhook.rateLimit,
    triggers: webhook.triggers,
    fallback: webhook.fallback,
    recipients: webhook.recipients,
    secrets: inForce(webhook.secrets, now).map((secret) => ({
      created_at: iso(secret.createdAt),
      expires_at: isoOrNull(secret.expiresAt),
    })),
  }
}

export const inForce = (secrets: stored.WebhookSecret[], now: number) =>
  secrets.filter(({ expiresAt }) => expiresAt === null || expiresAt > now)

const failureDetailsOf = (webhook: stored.Webhook): Webhook['failure_details'] =>
  webhook.lastFailedAt === null
    ? null
    : {
        last_failed_at: iso(webhook.lastFailedAt),
        last_failed_status_code: webhook.lastFailedStatusCode,
        last_failed_reason: webhook.lastFailedReason,
        next_attempt: isoOrNull(webhook.nextAttemptAt),
      }

export const subscriptionOf = (subscription: StoredSubscription): Subscription => ({
  id: subscription.id,
  webhook_id: subscription.webhookId,
  event_type: subscription.eventType,
  filters: subscription.filters,
  created_at: iso(subscription.createdAt),
})

export const deliveryOf = (delivery: stored.DeliveryRow, key: stored.ApiKey): wire.Delivery => ({
  id: delivery.id,
  webhook_id: delivery.webhookId,
  webhook_label: delivery.webhookLabel,
  webhook_url: urlFor(key, delivery.webhookUrl),
  event_id: delivery.eventId,
  event_type: delivery.eventType,
  subscription_ids: delivery.subscriptionIds,
  cause: delivery.cause && { kind: delivery.cause.kind, webhook_id: delivery.cause.webhookId },
  batch_id: delivery.batchId,
  status: delivery.state,
  generation: delivery.generation,
  attempts: delivery.attempts,
  accepted_at: iso(delivery.acceptedAt),
  created_at: iso(delivery.createdAt),
  updated_at: iso(delivery.updatedAt),
  next_attempt_at: isoOrNull(delivery.nextAttemptAt),
  held: openStates.includes(delivery.state) && delivery.nextAttemptAt === null,
  last_attempt_at: isoOrNull(delivery.lastAttemptAt),
  delivered_at: isoOrNull(delivery.deliveredAt),
  last_outcome: delivery.lastOutcome,
  last_status_code: delivery.lastStatusCode,
  last_error: delivery.lastError,
  reason: delivery.reason,
  source: delivery.source,
  subject: delivery.subject,
  entity_type: delivery.entityType,
  entity_id: delivery.entityId,
  entity_name: delivery.entityName,
})

export const redeliveryOf = (redelivery: stored.Redelivery): wire.Redelivery => ({
  id: redelivery.id,
  filter: redelivery.filter,
  before: iso(redelivery.before),
  status: redelivery.state,
  matched: redelivery.matched,
  redelivered: redelivery.redelivered,
  created_at: iso(redelivery.createdAt),
  updated_at: iso(redelivery.updatedAt),
})

export const keyOf = (key: stored.ApiKey): Key => ({
  id: key.id,
  label: key.label,
  scopes: key.scopes,
  created_at: iso(key.createdAt),
  expires_at: isoOrNull(key.expiresAt),
  last_used_at: isoOrNull(key.lastUsedAt),
  rate_limit: key.rateLimit,
  previous_expires_at: isoOrNull(key.previousExpiresAt ?? null),
})

export const eventTypeOf = (eventType: stored.EventType): EventType => ({
  name: eventType.name,
  description: eventType.description,
  schema: eventType.schema as EventType['schema'],
  created_at: iso(eventType.createdAt),
  updated_at: iso(eventType.updatedAt),
})
