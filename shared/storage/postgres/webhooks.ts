import { and, eq, getTableColumns, isNull, sql } from 'drizzle-orm'
import { webhookFields, type WebhookField } from '../../contracts/api/fields.ts'
import { checkQuery, type QueryRequest } from '../query.ts'
import type { Page, Webhook, WebhookPatch, WebhookStore } from '../storage.ts'
import { among } from './among.ts'
import type { Db, Executor } from './database.ts'
import { beyond, orderOf, pageOf, sortKeys, whereOf, type Columns } from './filter.ts'
import { bump, inRegistry, registryVersion } from './registry.ts'
import { forgetWebhook, refuseRelations } from './relations.ts'
import { deliveries, subscriptions, webhooks } from './schema.ts'

const { removedAt, ...columns } = getTableColumns(webhooks)

const filterColumns: Columns<WebhookField> = {
  id: webhooks.id,
  url: webhooks.url,
  label: webhooks.label,
  active: sql`${webhooks.active}::int`,
  status: sql`case when not ${webhooks.active} then 'disabled' when ${webhooks.consecutiveFailures} > 0 then 'failing' else 'active' end`,
  scheme: webhooks.scheme,
  format: webhooks.format,
  timeout_ms: webhooks.timeoutMs,
  disabled_reason: webhooks.disabledReason,
  last_failed_at: webhooks.lastFailedAt,
  last_failed_status_code: webhooks.lastFailedStatusCode,
  created_at: webhooks.createdAt,
  updated_at: webhooks.updatedAt,
}

const present = (organizationId: string, id: string) =>
  and(eq(webhooks.id, id), eq(webhooks.organizationId, organizationId), isNull(removedAt))

/** Parts of a change of the registry, which counts its version when all is written. */
export async function insertWebhook(tx: Executor, webhook: Webhook): Promise<void> {
  await refuseRelations(tx, webhook.organizationId, webhook, webhook)
  await tx.insert(webhooks).values(webhook)
}

export async function updateWebhook(
  tx: Executor,
  organizationId: string,
  id: string,
  patch: WebhookPatch,
  now: number,
): Promise<Webhook | undefined> {
  // Whoever switches it on again gives it a fresh start.
  const restart = patch.active ? { disabledReason: null, consecutiveFailures: 0, retriesExhausted: false } : {}
  const set = { ...patch, ...restart, updatedAt: now }
  const [updated] = await tx.update(webhooks).set(set).where(present(organizationId, id)).returning(columns)
  // thrown after the write, which is undone with the rest of the transaction
  if (updated && (patch.triggers || patch.fallback)) await refuseRelations(tx, organizationId, updated, patch)
  return updated
}

export async function removeWebhook(tx: Executor, organizationId: string, id: string, now: number): Promise<boolean> {
  const gone = { removedAt: now, active: false, updatedAt: now }
  const { rowCount } = await tx.update(webhooks).set(gone).where(present(organizationId, id))
  if (rowCount === 0) return false
  await tx
    .update(subscriptions)
    .set({ deletedAt: now })
    .where(and(eq(subscriptions.webhookId, id), isNull(subscriptions.deletedAt)))
  const cancelled = { state: 'cancelled', reason: 'webhook removed', nextAttemptAt: null, updatedAt: now } as const
  await tx
    .update(deliveries)
    .set(cancelled)
    .where(and(eq(deliveries.webhookId, id), sql`${deliveries.state} in ('pending', 'retrying')`))
  await forgetWebhook(tx, organizationId, id)
  return true
}

export function create(db: Db): WebhookStore {
  async function load(id: string): Promise<Webhook | undefined> {
    const [found] = await db
      .select(columns)
      .from(webhooks)
      .where(and(eq(webhooks.id, id), isNull(removedAt)))
    return found
  }

  async function filter(organizationId: string, request: QueryRequest): Promise<Page<Webhook>> {
    const query = checkQuery(webhookFields, request)
    const rows = await db
      .select({ row: columns, keys: sortKeys(filterColumns, query.sort) })
      .from(webhooks)
      .where(
        and(
          eq(webhooks.organizationId, organizationId),
          isNull(removedAt),
          whereOf(filterColumns, query.filter),
          beyond(filterColumns, query.sort, query.after),
        ),
      )
      .orderBy(...orderOf(filterColumns, query.sort))
      .limit(query.limit + 1)
    return pageOf(query, rows)
  }

  return {
    create: (webhook) =>
      inRegistry(db, async (tx) => {
        await insertWebhook(tx, webhook)
        await bump(tx)
      }),
    async find(organizationId, id) {
      const webhook = await load(id)
      return webhook?.organizationId === organizationId ? webhook : undefined
    },
    load,
    loadAll: (ids) =>
      db
        .select(columns)
        .from(webhooks)
        .where(and(among(webhooks.id, ids), isNull(removedAt))),
    list: (organizationId, page) => filter(organizationId, page),
    filter,
    update: (organizationId, id, patch, now) =>
      inRegistry(db, async (tx) => {
        const updated = await updateWebhook(tx, organizationId, id, patch, now)
        if (updated) await bump(tx)
        return updated
      }),
    remove: (organizationId, id, now) =>
      inRegistry(db, async (tx) => {
        const removed = await removeWebhook(tx, organizationId, id, now)
        if (removed) await bump(tx)
        return removed
      }),
    registryVersion: () => registryVersion(db),
  }
}
