import { and, eq, getTableColumns, isNull, sql } from 'drizzle-orm'
import { webhookFields, type WebhookField } from '../../contracts/api/fields.ts'
import { checkQuery, type QueryRequest } from '../query.ts'
import type { Page, Webhook, WebhookStore } from '../storage.ts'
import type { Db } from './database.ts'
import { beyond, orderOf, pageOf, sortKeys, whereOf, type Columns } from './filter.ts'
import { registryBump, registryVersion } from './registry.ts'
import { forgetWebhook, refuseRelations } from './relations.ts'
import { deliveries, subscriptions, webhooks } from './schema.ts'
import type { Sync } from './stores.ts'

const { removedAt, ...columns } = getTableColumns(webhooks)

const filterColumns: Columns<WebhookField> = {
  id: webhooks.id,
  url: webhooks.url,
  label: webhooks.label,
  active: webhooks.active,
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

export function reads(db: Db): Pick<Sync<WebhookStore>, 'find' | 'load' | 'loadAll' | 'list' | 'filter' | 'registryVersion'> {
  const byId = db
    .select(columns)
    .from(webhooks)
    .where(and(eq(webhooks.id, sql.placeholder('id')), isNull(removedAt)))
    .prepare()
  const byIds = db
    .select(columns)
    .from(webhooks)
    .where(and(sql`${webhooks.id} in (select value from json_each(${sql.placeholder('ids')}))`, isNull(removedAt)))
    .prepare()

  function filter(organizationId: string, request: QueryRequest): Page<Webhook> {
    const query = checkQuery(webhookFields, request)
    const rows = db
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
      .all()
    return pageOf(query, rows)
  }

  return {
    find(organizationId, id) {
      const webhook = byId.get({ id })
      return webhook?.organizationId === organizationId ? webhook : undefined
    },
    load: (id) => byId.get({ id }),
    loadAll: (ids) => byIds.all({ ids: JSON.stringify(ids) }),
    list: (organizationId, page) => filter(organizationId, page),
    filter,
    registryVersion: registryVersion(db),
  }
}

export function writes(db: Db): Pick<Sync<WebhookStore>, 'create' | 'update' | 'remove'> {
  const bump = registryBump(db)

  return {
    create(webhook) {
      refuseRelations(db, webhook.organizationId, webhook, webhook)
      db.insert(webhooks).values(webhook).run()
      bump()
    },
    update(organizationId, id, patch, now) {
      // Whoever switches it on again gives it a fresh start.
      const restart = patch.active ? { disabledReason: null, consecutiveFailures: 0, retriesExhausted: false } : {}
      const set = { ...patch, ...restart, updatedAt: now }
      const updated = db.update(webhooks).set(set).where(present(organizationId, id)).returning(columns).get()
      if (!updated) return undefined
      // thrown after the write, which is undone with the rest of the call
      if (patch.triggers || patch.fallback) refuseRelations(db, organizationId, updated, patch)
      bump()
      return updated
    },
    remove(organizationId, id, now) {
      const removed =
        db.update(webhooks).set({ removedAt: now, active: false, updatedAt: now }).where(present(organizationId, id)).run().changes === 1
      if (!removed) return false
      db.update(subscriptions)
        .set({ deletedAt: now })
        .where(and(eq(subscriptions.webhookId, id), isNull(subscriptions.deletedAt)))
        .run()
      // The plus keeps SQLite from going through all that the webhook ever got: what is open has an index of its own.
      const isOpen = sql`+${deliveries.webhookId} = ${id} and ${deliveries.state} in ('pending', 'retrying')`
      db.update(deliveries).set({ state: 'cancelled', reason: 'webhook removed', nextAttemptAt: null, updatedAt: now }).where(isOpen).run()
      forgetWebhook(db, organizationId, id)
      bump()
      return true
    },
  }
}
