import type { OpenMetadataChange, OpenMetadataInput } from '../contracts/api/openmetadata.ts'
import type { Page, Subscription, Webhook, WebhookPatch } from './storage.ts'

/**
 * OpenMetadata's webhook entity as it is stored: the members that our webhook does not have. Secrets are in the webhook
 * alone; the headers here have their names as they were written, and masks for values.
 */
export type OpenMetadataEntity = Pick<
  OpenMetadataInput,
  'displayName' | 'description' | 'webhookType' | 'eventFilters' | 'owner' | 'domain' | 'tags' | 'extension'
> & {
  /** Left out where it is the name. */
  fullyQualifiedName?: string | undefined
  headers: Record<string, string>
  changeDescription?: OpenMetadataChange | undefined
}
export type StoredOpenMetadata = { name: string; entity: OpenMetadataEntity; revision: number; updatedAt: number; updatedBy: string }

/** Of a removed webhook the subscriptions are those that ended with it. `stored` is null where it was made by the native API. */
export type OpenMetadataRecord = {
  webhook: Webhook
  removedAt: number | null
  subscriptions: Subscription[]
  stored: StoredOpenMetadata | null
  /** Of its triggers and its fallback, how they are called. */
  related: RelatedWebhook[]
}

/** Enough to refer to a webhook. The name of one that the native API has made is its id. */
export type RelatedWebhook = { id: string; name: string; fullyQualifiedName: string; displayName: string | null }

/** What a version looked like, without secrets. */
export type OpenMetadataSnapshot = { revision: number; shown: Record<string, unknown> }

export type OpenMetadataWrite = {
  organizationId: string
  id: string
  /** The revision that the change was made to; 0 where nothing was stored. */
  from: number
  stored: StoredOpenMetadata
  snapshots: OpenMetadataSnapshot[]
  webhook: WebhookPatch
  /** The whole set from now on; left out: as it is. */
  subscriptions?: Subscription[] | undefined
  /** Of the webhook: brought back if it was removed, or removed. */
  life?: 'restore' | 'remove' | undefined
}

export type OpenMetadataListing = {
  limit: number
  after?: string | undefined
  owner?: string | undefined
  domain?: string | undefined
  /** Any of them. */
  tags?: string[] | undefined
  include: 'non-deleted' | 'deleted' | 'all'
}

/** Each write is webhook, subscriptions and entity in one transaction. */
export type OpenMetadataStore = {
  /** `false` when the name is taken. */
  create(made: {
    webhook: Webhook
    subscriptions: Subscription[]
    stored: StoredOpenMetadata
    snapshot: OpenMetadataSnapshot
  }): Promise<boolean>
  /** Removed webhooks are found as long as their entity is stored. */
  find(organizationId: string, id: string): Promise<OpenMetadataRecord | undefined>
  list(organizationId: string, listing: OpenMetadataListing): Promise<Page<OpenMetadataRecord> & { total: number }>
  /** What references lead to: by id, else by name or fully qualified name. One that leads nowhere is undefined. */
  resolve(
    organizationId: string,
    references: { id?: string | undefined; name?: string | undefined; fullyQualifiedName?: string | undefined }[],
  ): Promise<(RelatedWebhook | undefined)[]>
  /** Nothing is written when it was changed in between, or when the name is taken. */
  update(write: OpenMetadataWrite, now: number): Promise<'written' | 'stale' | 'name taken'>
  /** Removes the webhook if it is still there, and all that is stored of its entity. */
  erase(organizationId: string, id: string, now: number): Promise<boolean>
  /** Newest first. */
  versions(organizationId: string, id: string): Promise<OpenMetadataSnapshot[]>
}
