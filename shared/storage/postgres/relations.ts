import { and, eq, isNull, or, sql } from 'drizzle-orm'
import { invalid } from '../../problem.ts'
import { findLoop, nextOf, type Relations } from '../../relations.ts'
import { among } from './among.ts'
import { directory } from './collect-schema.ts'
import type { Executor } from './database.ts'
import { webhooks } from './schema.ts'

/** What refers to a webhook by its id: other webhooks, and people of the directory. */
const present = (organizationId: string, ids: string[]) =>
  and(among(webhooks.id, ids), eq(webhooks.organizationId, organizationId), isNull(webhooks.removedAt))

export async function hasWebhook(db: Executor, organizationId: string, id: string): Promise<boolean> {
  return (await webhooksAmong(db, organizationId, [id])).has(id)
}

/** Those of the ids that a webhook of the organization has. */
export async function webhooksAmong(db: Executor, organizationId: string, ids: string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set()
  const rows = await db.select({ id: webhooks.id }).from(webhooks).where(present(organizationId, ids))
  return new Set(rows.map(({ id }) => id))
}

/** The same, for whoever writes what refers to them: they cannot be removed until it is written, and are forgotten in it after. */
export async function holdWebhooks(tx: Executor, organizationId: string, ids: string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set()
  const rows = await tx.select({ id: webhooks.id }).from(webhooks).where(present(organizationId, ids)).orderBy(webhooks.id).for('share')
  return new Set(rows.map(({ id }) => id))
}

type Node = Relations & { id: string; label: string | null }

/**
 * Refuses webhooks that are not there, and loops. Called within a change of the registry, of which there is one at a
 * time: of two changes that would close a loop together, the second one finds the first.
 */
export async function refuseRelations(tx: Executor, organizationId: string, webhook: Node, named: Partial<Relations>): Promise<void> {
  const given = [
    ...(named.triggers ?? []).map((id, i) => ({ id, path: ['triggers', i] })),
    ...(named.fallback ? [{ id: named.fallback, path: ['fallback'] }] : []),
  ]
  if (given.length === 0) return
  const there = await webhooksAmong(
    tx,
    organizationId,
    given.map(({ id }) => id),
  )
  const missing = given.filter(({ id }) => id !== webhook.id && !there.has(id))
  if (missing.length > 0) throw invalid(missing.map(({ id, path }) => ({ path, message: `there is no webhook "${id}"` })))

  const nodes = new Map((await related(tx, organizationId)).map((node) => [node.id, node])).set(webhook.id, webhook)
  const loop = findLoop(webhook.id, (id) => nextOf(nodes.get(id) ?? { triggers: [], fallback: null }))
  if (!loop) return
  const labels = loop.map((id) => `"${nodes.get(id)?.label ?? id}"`)
  const path = given.find(({ id }) => id === loop[1])?.path ?? ['triggers']
  throw invalid([{ path, message: `an event would go round in a circle: ${labels.join(' → ')}` }])
}

function related(tx: Executor, organizationId: string): Promise<Node[]> {
  const hasAny = or(sql`${webhooks.triggers}::text <> '[]'`, sql`${webhooks.fallback} is not null`)
  return tx
    .select({ id: webhooks.id, label: webhooks.label, triggers: webhooks.triggers, fallback: webhooks.fallback })
    .from(webhooks)
    .where(and(eq(webhooks.organizationId, organizationId), isNull(webhooks.removedAt), hasAny))
}

/** Takes a webhook that is removed out of all that refers to it, also of what is removed and may come back. */
export async function forgetWebhook(tx: Executor, organizationId: string, id: string): Promise<void> {
  const others = sql`
    select coalesce(json_agg(other order by place), '[]') from json_array_elements_text(${webhooks.triggers}) with ordinality as t (other, place)
    where other <> ${id}`
  const refers = or(eq(webhooks.fallback, id), sql`${id} in (select json_array_elements_text(${webhooks.triggers}))`)
  await tx
    .update(webhooks)
    .set({ triggers: sql`(${others})`, fallback: sql`nullif(${webhooks.fallback}, ${id})` })
    .where(and(eq(webhooks.organizationId, organizationId), refers))
  await tx
    .update(directory)
    .set({ webhookId: null })
    .where(and(eq(directory.organizationId, organizationId), eq(directory.webhookId, id)))
}
