import {
  secretMask,
  type OpenMetadataConfig,
  type OpenMetadataInput,
  type OpenMetadataWebhook,
} from '../../../shared/contracts/api/openmetadata.ts'
import type { OpenMetadataDelivery } from '../../../shared/contracts/api/openmetadata-calls.ts'
import type { Vault } from '../../../shared/secrets.ts'
import type { OpenMetadataRecord } from '../../../shared/storage/openmetadata.ts'
import type { DeliveryRow, Webhook } from '../../../shared/storage/storage.ts'
import { maskUrl } from '../mask.ts'
import { openHeaders } from '../shape.ts'
import { filtersOf } from './filters.ts'
import { relationMembers } from './relations.ts'

/** Where the API is reached, as the caller reached it. */
export type Shaping = { origin: string; vault: Vault }

/** Webhook, subscriptions and what is stored beside them as one entity. Secrets are masks, for everyone. */
export function entityOf(record: OpenMetadataRecord, { origin, vault }: Shaping): OpenMetadataWebhook {
  const { webhook, stored, subscriptions, removedAt } = record
  const entity = stored?.entity
  const name = stored?.name ?? webhook.id
  const { owner, domain, extension, description, changeDescription } = entity ?? {}
  const displayName = stored ? entity?.displayName : (webhook.label ?? undefined)
  return {
    id: webhook.id,
    name,
    fullyQualifiedName: entity?.fullyQualifiedName ?? name,
    ...(displayName !== undefined && { displayName }),
    ...(description !== undefined && { description }),
    webhookType: typeOf(record),
    status: statusOf(webhook),
    enabled: webhook.active,
    batchSize: webhook.batchSize,
    eventFilters: filtersOf(entity?.eventFilters, subscriptions),
    webhookConfig: configOf(record, vault),
    ...failureOf(webhook),
    ...(owner && { owner }),
    ...(domain && { domain }),
    tags: entity?.tags ?? null,
    ...relationMembers(webhook, record.related),
    ...(extension && { extension }),
    version: versionOf(stored?.revision ?? 1),
    updatedAt: stored?.updatedAt ?? webhook.updatedAt,
    updatedBy: stored?.updatedBy ?? 'tidings',
    href: `${origin}/api/v1/webhooks/${webhook.id}`,
    ...(changeDescription && { changeDescription }),
    deleted: removedAt !== null,
  }
}

/** Divided, because tenths that are added up drift. */
export const versionOf = (revision: number): number => revision / 10

type WebhookType = OpenMetadataInput['webhookType']
const formats: Record<WebhookType, string> = {
  Generic: 'openmetadata',
  Custom: 'openmetadata',
  Slack: 'slack',
  MSTeams: 'msteams',
  GoogleChat: 'googlechat',
}
export const formatOf = (type: WebhookType): string => formats[type]

/** The type that was given, unless the native API has chosen the format of another since. */
function typeOf({ webhook, stored }: OpenMetadataRecord): WebhookType {
  const given = stored?.entity.webhookType
  const others = (['Slack', 'MSTeams', 'GoogleChat'] as const).find((type) => formats[type] === webhook.format)
  if (others) return others
  return given === 'Generic' || given === 'Custom' ? given : webhook.format === 'openmetadata' ? 'Generic' : 'Custom'
}

/** Of the whole webhook, while retries belong to one delivery: what the last attempt of any of them says. */
export function statusOf(webhook: Webhook): OpenMetadataWebhook['status'] {
  if (!webhook.active) return 'disabled'
  if (webhook.consecutiveFailures === 0) return 'active'
  if (webhook.retriesExhausted) return 'retryLimitReached'
  const answeredLate = webhook.lastFailedOutcome === 'timed_out' || (webhook.lastFailedStatusCode ?? 0) >= 400
  return answeredLate && webhook.nextAttemptAt !== null ? 'awaitingRetry' : 'failed'
}

function failureOf(webhook: Webhook): Pick<OpenMetadataWebhook, 'failureDetails'> {
  const { lastFailedAt, lastFailedStatusCode: code, lastFailedReason: reason, nextAttemptAt: next } = webhook
  if (lastFailedAt === null) return {}
  return {
    failureDetails: {
      lastFailedAt,
      ...(code !== null && { lastFailedStatusCode: code }),
      ...(reason !== null && { lastFailedReason: reason }),
      ...(next !== null && { nextAttempt: next }),
    },
  }
}

function configOf({ webhook, stored }: OpenMetadataRecord, vault: Vault): OpenMetadataConfig {
  const headers = headersOf(stored?.entity.headers ?? {}, Object.keys(openHeaders(webhook, vault)))
  return {
    endpoint: maskedUrl(webhook.url),
    ...(webhook.secrets.length > 0 && { secretKey: secretMask }),
    sendToAdmins: webhook.recipients.includes('admins'),
    sendToOwners: webhook.recipients.includes('owners'),
    sendToFollowers: webhook.recipients.includes('followers'),
    ...(Object.keys(headers).length > 0 && { headers }),
    timeout: Math.ceil(webhook.timeoutMs / 1000),
  }
}

/** Names as they were written; those that the native API has set or removed since are there or not there. */
function headersOf(given: Record<string, string>, sent: string[]): Record<string, string> {
  const kept = Object.entries(given).filter(([name]) => isContentType(name) || sent.includes(name.toLowerCase()))
  const named = new Set(kept.map(([name]) => name.toLowerCase()))
  const added = sent.filter((name) => !named.has(name)).map((name): [string, string] => [name, secretMask])
  return Object.fromEntries([...kept, ...added])
}

export const isContentType = (name: string): boolean => name.toLowerCase() === 'content-type'

export const maskHeaders = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, isContentType(name) ? value : secretMask]))

/** As it was written where it holds no secret. */
export function maskedUrl(url: string): string {
  const masked = maskUrl(url)
  return masked.includes('***') ? masked : url
}

const states: Record<DeliveryRow['state'], OpenMetadataDelivery['status']> = {
  pending: 'pending',
  retrying: 'awaitingRetry',
  succeeded: 'succeeded',
  failed: 'failed',
  cancelled: 'abandoned',
}

export const deliveryOf = (delivery: DeliveryRow): OpenMetadataDelivery => ({
  id: delivery.id,
  eventId: delivery.eventId,
  eventType: delivery.eventType,
  entityType: delivery.entityType,
  entityId: delivery.entityId,
  entityFullyQualifiedName: delivery.entityName,
  status: states[delivery.state],
  attempts: delivery.attempts,
  createdAt: delivery.createdAt,
  lastAttemptAt: delivery.lastAttemptAt,
  nextAttempt: delivery.nextAttemptAt,
  deliveredAt: delivery.deliveredAt,
  lastStatusCode: delivery.lastStatusCode,
  lastFailedReason: delivery.reason ?? delivery.lastError,
})
