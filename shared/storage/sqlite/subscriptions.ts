import { and, asc, eq, getTableColumns, gt, inArray, isNull, lte, or, sql } from 'drizzle-orm'
import type { Subscription } from '../../contracts/subscription.ts'
import type { SubscriptionStore, Terms } from '../storage.ts'
import { wishOf } from '../wish.ts'
import type { Db } from './database.ts'
import { registryBump, registryVersion } from './registry.ts'
import { hasWebhook } from './relations.ts'
import { subscriptions, webhooks } from './schema.ts'
import type { Sync } from './stores.ts'

const columns = getTableColumns(subscriptions)
const ofWebhook = (webhookId: string) => and(eq(subscriptions.webhookId, webhookId), isNull(subscriptions.deletedAt))

const inForceOf = (db: Db, webhookId: string): Subscription[] =>
  db.select().from(subscriptions).where(ofWebhook(webhookId)).orderBy(asc(subscriptions.id)).all()

export function reads(db: Db): Pick<Sync<SubscriptionStore>, 'list' | 'inForce' | 'inForceAt'> {
  const version = registryVersion(db)
  const isActive = and(eq(webhooks.active, true), isNull(webhooks.removedAt))
  const wanted = db
    .select(columns)
    .from(subscriptions)
    .innerJoin(webhooks, eq(webhooks.id, subscriptions.webhookId))
    .where(and(isNull(subscriptions.deletedAt), isActive))
    .prepare()
  const { id, retry, format, batchSize, order, recipients } = getTableColumns(webhooks)
  const active = db.select({ id, terms: { retry, format, batchSize, order, recipients } }).from(webhooks).where(isActive).prepare()

  return {
    list: (organizationId, webhookId) => (hasWebhook(db, organizationId, webhookId) ? inForceOf(db, webhookId) : undefined),
    inForce() {
      // One snapshot: a version that is newer than its subscriptions would hide a change for good.
      return db.transaction(() => {
        const terms = Object.fromEntries(active.all().map((webhook): [string, Terms] => [webhook.id, webhook.terms]))
        return { version: version(), subscriptions: wanted.all(), terms }
      })
    },
    inForceAt(organizationId, at) {
      const then = and(lte(subscriptions.createdAt, at), or(isNull(subscriptions.deletedAt), gt(subscriptions.deletedAt, at)))
      return db
        .select({
          subscription: columns,
          webhookLabel: webhooks.label,
          webhookUrl: webhooks.url,
          webhookActive: sql<boolean>`${webhooks.active} and ${webhooks.removedAt} is null`.mapWith(Boolean),
        })
        .from(subscriptions)
        .innerJoin(webhooks, eq(webhooks.id, subscriptions.webhookId))
        .where(and(eq(subscriptions.organizationId, organizationId), then))
        .orderBy(asc(subscriptions.id))
        .all()
    },
  }
}

export function writes(db: Db): Pick<Sync<SubscriptionStore>, 'add' | 'remove' | 'replace'> {
  const bump = registryBump(db)

  return {
    add(subscription) {
      if (!hasWebhook(db, subscription.organizationId, subscription.webhookId)) return undefined
      const twin = inForceOf(db, subscription.webhookId).find((one) => wishOf(one) === wishOf(subscription))
      if (twin) return twin
      db.insert(subscriptions).values(subscription).run()
      bump()
      return subscription
    },
    remove(organizationId, webhookId, id, now) {
      const one = and(eq(subscriptions.id, id), eq(subscriptions.organizationId, organizationId), ofWebhook(webhookId))
      const removed = db.update(subscriptions).set({ deletedAt: now }).where(one).run().changes === 1
      if (removed) bump()
      return removed
    },
    replace(organizationId, webhookId, wished, now) {
      if (!hasWebhook(db, organizationId, webhookId)) return undefined
      // Of two that want the same, the first is the one: a map keeps what is set last.
      const wishes = new Map(wished.toReversed().map((one) => [wishOf(one), one]))
      const held = inForceOf(db, webhookId)
      const dropped = held.filter((one) => !wishes.has(wishOf(one)))
      for (const one of held) wishes.delete(wishOf(one))
      const added = [...wishes.values()].reverse()
      if (dropped.length > 0)
        db.update(subscriptions)
          .set({ deletedAt: now })
          .where(
            inArray(
              subscriptions.id,
              dropped.map((one) => one.id),
            ),
          )
          .run()
      if (added.length > 0) db.insert(subscriptions).values(added).run()
      if (dropped.length + added.length > 0) bump()
      return inForceOf(db, webhookId)
    },
  }
}
