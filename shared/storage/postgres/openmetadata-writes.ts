import { and, eq, ne } from 'drizzle-orm'
import type { OpenMetadataEntity, OpenMetadataStore, OpenMetadataWrite } from '../openmetadata.ts'
import type { Db, Executor } from './database.ts'
import { bump, inRegistry } from './registry.ts'
import { openMetadataVersions as versions, openMetadataWebhooks as entities, webhooks } from './schema.ts'
import { replaceSubscriptions } from './subscriptions.ts'
import { insertWebhook, removeWebhook, updateWebhook } from './webhooks.ts'

/** Each is a change of the registry, of which there is one at a time: what is looked at stays so until it is written. */
async function isTaken(tx: Executor, organizationId: string, name: string, id: string): Promise<boolean> {
  const others = and(eq(entities.organizationId, organizationId), eq(entities.name, name), ne(entities.webhookId, id))
  return (await tx.select({ id: entities.webhookId }).from(entities).where(others)).length > 0
}

/** Postgres looks into it by its members, and cannot read what no text of its own can hold: U+0000 and half a character, which are escaped in JSON. */
const readable = (entity: OpenMetadataEntity): OpenMetadataEntity =>
  JSON.parse(JSON.stringify(entity).replace(/\\(?:u(?:0000|d[89a-f]..)|.)/g, (one) => (one.length === 6 ? '\uFFFD' : one)))

type Kept = Pick<OpenMetadataWrite, 'stored' | 'snapshots'>
async function keep(tx: Executor, webhookId: string, organizationId: string, { stored, snapshots }: Kept): Promise<void> {
  const set = { ...stored, entity: readable(stored.entity) }
  await tx
    .insert(entities)
    .values({ webhookId, organizationId, ...set })
    .onConflictDoUpdate({ target: entities.webhookId, set })
  const rows = snapshots.map((snapshot) => ({ webhookId, ...snapshot }))
  if (rows.length > 0) await tx.insert(versions).values(rows).onConflictDoNothing()
}

async function live(tx: Executor, write: OpenMetadataWrite, now: number): Promise<void> {
  const { organizationId, id, life, webhook, subscriptions: wanted } = write
  if (life === 'restore') await tx.update(webhooks).set({ removedAt: null }).where(eq(webhooks.id, id))
  if (Object.keys(webhook).length > 0 || life === 'restore') await updateWebhook(tx, organizationId, id, webhook, now)
  if (wanted) await replaceSubscriptions(tx, id, wanted, now)
  if (life === 'remove') await removeWebhook(tx, organizationId, id, now)
}

type Made = Parameters<OpenMetadataStore['create']>[0]
export const make = (db: Db, { webhook, subscriptions: wanted, stored, snapshot }: Made): Promise<boolean> =>
  inRegistry(db, async (tx) => {
    if (await isTaken(tx, webhook.organizationId, stored.name, webhook.id)) return false
    await insertWebhook(tx, webhook)
    await replaceSubscriptions(tx, webhook.id, wanted, webhook.createdAt)
    await keep(tx, webhook.id, webhook.organizationId, { stored, snapshots: [snapshot] })
    await bump(tx)
    return true
  })

export const update = (db: Db, write: OpenMetadataWrite, now: number): ReturnType<OpenMetadataStore['update']> =>
  inRegistry(db, async (tx) => {
    const { organizationId, id, from, stored, life } = write
    const [row] = await tx
      .select({ removedAt: webhooks.removedAt, revision: entities.revision })
      .from(webhooks)
      .leftJoin(entities, eq(entities.webhookId, webhooks.id))
      .where(and(eq(webhooks.id, id), eq(webhooks.organizationId, organizationId)))
    if (!row || (row.revision ?? 0) !== from || (row.removedAt !== null) !== (life === 'restore')) return 'stale'
    if (await isTaken(tx, organizationId, stored.name, id)) return 'name taken'
    await live(tx, write, now)
    await keep(tx, id, organizationId, write)
    await bump(tx)
    return 'written'
  })

export const erase = (db: Db, organizationId: string, id: string, now: number): Promise<boolean> =>
  inRegistry(db, async (tx) => {
    const removed = await removeWebhook(tx, organizationId, id, now)
    const mine = and(eq(entities.webhookId, id), eq(entities.organizationId, organizationId))
    const { rowCount } = await tx.delete(entities).where(mine)
    const erased = rowCount === 1
    if (erased) await tx.delete(versions).where(eq(versions.webhookId, id))
    if (removed) await bump(tx)
    return removed || erased
  })
