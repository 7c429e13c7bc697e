import { and, asc, eq, getTableColumns, gt, isNull, lte, or, sql } from 'drizzle-orm'
import type { Subscription } from '../../contracts/subscription.ts'
import type { SubscriptionStore, Terms } from '../storage.ts'
import { wishOf } from '../wish.ts'
import { among } from './among.ts'
import type { Db, Executor } from './database.ts'
import { bump, inRegistry, inSnapshot, registryVersion } from './registry.ts'
import { hasWebhook } from './relations.ts'
import { subscriptions, webhooks } from './schema.ts'

const columns = getTableColumns(subscriptions)
const ofWebhook = (webhookId: string) => and(eq(subscriptions.webhookId, webhookId), isNull(subscriptions.deletedAt))

const inForceOf = (db: Executor, webhookId: string): Promise<Subscription[]> =>
  db.select().from(subscriptions).where(ofWebhook(webhookId)).orderBy(asc(subscriptions.id))

/** Part of a change of the registry: makes the given set the whole set. Whether anything has changed by it. */
export async function replaceSubscriptions(tx: Executor, webhookId: string, wished: Subscription[], now: number): Promise<boolean> {
  // Of two that want the same, the first is the one: a map keeps what is set last.
  const wishes = new Map(wished.toReversed().map((one) => [wishOf(one), one]))
  const held = await inForceOf(tx, webhookId)
  const dropped = held.filter((one) => !wishes.has(wishOf(one))).map(({ id }) => id)
  for (const one of held) wishes.delete(wishOf(one))
  const added = [...wishes.values()].reverse()
  if (dropped.length > 0) await tx.update(subscriptions).set({ deletedAt: now }).where(among(subscriptions.id, dropped))
  if (added.length > 0) await tx.insert(subscriptions).values(added)
  return dropped.length + added.length > 0
}

const isActive = and(eq(webhooks.active, true), isNull(webhooks.removedAt))

export function create(db: Db): SubscriptionStore {
  const { id, retry, format, batchSize, order, recipients } = getTableColumns(webhooks)

  return {
    add: (subscription) =>
      inRegistry(db, async (tx) => {
        if (!(await hasWebhook(tx, subscription.organizationId, subscription.webhookId))) return undefined
        const twin = (await inForceOf(tx, subscription.webhookId)).find((one) => wishOf(one) === wishOf(subscription))
        if (twin) return twin
        await tx.insert(subscriptions).values(subscription)
        await bump(tx)
        return subscription
      }),
    list: async (organizationId, webhookId) => ((await hasWebhook(db, organizationId, webhookId)) ? inForceOf(db, webhookId) : undefined),
    remove: (organizationId, webhookId, subscriptionId, now) =>
      inRegistry(db, async (tx) => {
        const one = and(eq(subscriptions.id, subscriptionId), eq(subscriptions.organizationId, organizationId), ofWebhook(webhookId))
        const { rowCount } = await tx.update(subscriptions).set({ deletedAt: now }).where(one)
        if (rowCount === 1) await bump(tx)
        return rowCount === 1
      }),
    replace: (organizationId, webhookId, wished, now) =>
      inRegistry(db, async (tx) => {
        if (!(await hasWebhook(tx, organizationId, webhookId))) return undefined
        if (await replaceSubscriptions(tx, webhookId, wished, now)) await bump(tx)
        return inForceOf(tx, webhookId)
      }),
    inForce: () =>
      // a version that is newer than its subscriptions would hide a change for good
      inSnapshot(db, async (tx) => {
        const active = await tx.select({ id, terms: { retry, format, batchSize, order, recipients } }).from(webhooks).where(isActive)
        const wanted = await tx
          .select(columns)
          .from(subscriptions)
          .innerJoin(webhooks, eq(webhooks.id, subscriptions.webhookId))
          .where(and(isNull(subscriptions.deletedAt), isActive))
        const terms = Object.fromEntries(active.map((webhook): [string, Terms] => [webhook.id, webhook.terms]))
        return { version: await registryVersion(tx), subscriptions: wanted, terms }
      }),
    inForceAt(organizationId, at) {
      const then = and(lte(subscriptions.createdAt, at), or(isNull(subscriptions.deletedAt), gt(subscriptions.deletedAt, at)))
      return db
        .select({
          subscription: columns,
          webhookLabel: webhooks.label,
          webhookUrl: webhooks.url,
          webhookActive: sql<boolean>`${webhooks.active} and ${webhooks.removedAt} is null`,
        })
        .from(subscriptions)
        .innerJoin(webhooks, eq(webhooks.id, subscriptions.webhookId))
        .where(and(eq(subscriptions.organizationId, organizationId), then))
        .orderBy(asc(subscriptions.id))
    },
  }
}
