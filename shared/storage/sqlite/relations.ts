import { and, eq, isNull, or, sql } from 'drizzle-orm'
import { invalid } from '../../problem.ts'
import { findLoop, nextOf, type Relations } from '../../relations.ts'
import { directory } from './collect-schema.ts'
import type { Db } from './database.ts'
import { webhooks } from './schema.ts'

/** What refers to a webhook by its id: other webhooks, and people of the directory. */
export function hasWebhook(db: Db, organizationId: string, id: string): boolean {
  const present = and(eq(webhooks.id, id), eq(webhooks.organizationId, organizationId), isNull(webhooks.removedAt))
  return db.select({ id: webhooks.id }).from(webhooks).where(present).get() !== undefined
}

type Node = Relations & { id: string; label: string | null }

/**
 * Refuses webhooks that are not there, and loops. Called within the transaction that writes, of which there is one at a
 * time: of two changes that would close a loop together, the second one finds the first.
 */
export function refuseRelations(db: Db, organizationId: string, webhook: Node, named: Partial<Relations>): void {
  const given = [
    ...(named.triggers ?? []).map((id, i) => ({ id, path: ['triggers', i] })),
    ...(named.fallback ? [{ id: named.fallback, path: ['fallback'] }] : []),
  ]
  const missing = given.filter(({ id }) => id !== webhook.id && !hasWebhook(db, organizationId, id))
  if (missing.length > 0) throw invalid(missing.map(({ id, path }) => ({ path, message: `there is no webhook "${id}"` })))

  const nodes = new Map(related(db, organizationId).map((node) => [node.id, node])).set(webhook.id, webhook)
  const loop = findLoop(webhook.id, (id) => nextOf(nodes.get(id) ?? { triggers: [], fallback: null }))
  if (!loop) return
  const labels = loop.map((id) => `"${nodes.get(id)?.label ?? id}"`)
  const path = given.find(({ id }) => id === loop[1])?.path ?? ['triggers']
  throw invalid([{ path, message: `an event would go round in a circle: ${labels.join(' → ')}` }])
}

function related(db: Db, organizationId: string): Node[] {
  const hasAny = or(sql`${webhooks.triggers} != '[]'`, sql`${webhooks.fallback} is not null`)
  return db
    .select({ id: webhooks.id, label: webhooks.label, triggers: webhooks.triggers, fallback: webhooks.fallback })
    .from(webhooks)
    .where(and(eq(webhooks.organizationId, organizationId), isNull(webhooks.removedAt), hasAny))
    .all()
}

/** Takes a webhook that is removed out of all that refers to it, also of what is removed and may come back. */
export function forgetWebhook(db: Db, organizationId: string, id: string): void {
  const refers = or(eq(webhooks.fallback, id), sql`${id} in (select value from json_each(${webhooks.triggers}))`)
  const others = db
    .select({ id: webhooks.id, triggers: webhooks.triggers, fallback: webhooks.fallback })
    .from(webhooks)
    .where(and(eq(webhooks.organizationId, organizationId), refers))
    .all()
  for (const other of others) {
    const left = { triggers: other.triggers.filter((one) => one !== id), fallback: other.fallback === id ? null : other.fallback }
    db.update(webhooks).set(left).where(eq(webhooks.id, other.id)).run()
  }
  db.update(directory)
    .set({ webhookId: null })
    .where(and(eq(directory.organizationId, organizationId), eq(directory.webhookId, id)))
    .run()
}
