import { asc, eq, gt } from 'drizzle-orm'
import type { SealedStore } from '../storage.ts'
import type { Db } from './database.ts'
import { sources, webhooks } from './schema.ts'
import type { Sync } from './stores.ts'

const ofWebhook = { id: webhooks.id, secrets: webhooks.secrets, headers: webhooks.headers, formatSettings: webhooks.formatSettings }
const ofSource = { id: sources.id, secrets: sources.secrets, namedSecrets: sources.namedSecrets, lookup: sources.lookup }

export function reads(db: Db): Pick<Sync<SealedStore>, 'list'> {
  return {
    list(kind, after, limit) {
      if (kind === 'source') {
        const rows = db.select(ofSource).from(sources).where(gt(sources.id, after)).orderBy(asc(sources.id)).limit(limit).all()
        return rows.map(({ id, secrets, namedSecrets, lookup }) => ({
          id,
          values: [...secrets, ...namedSecrets.map(({ sealed }) => sealed), ...(lookup?.headers ? [lookup.headers] : [])],
        }))
      }
      // removed ones too: they can be brought back
      const rows = db.select(ofWebhook).from(webhooks).where(gt(webhooks.id, after)).orderBy(asc(webhooks.id)).limit(limit).all()
      return rows.map(({ id, secrets, headers, formatSettings }) => ({
        id,
        values: [...secrets.map(({ sealed }) => sealed), headers, formatSettings].filter((value) => value !== null),
      }))
    },
  }
}

export function writes(db: Db): Pick<Sync<SealedStore>, 'replace'> {
  function replaceInWebhook(id: string, now: (value: string) => string): void {
    const row = db.select(ofWebhook).from(webhooks).where(eq(webhooks.id, id)).get()
    if (!row) return
    const secrets = row.secrets.map((secret) => ({ ...secret, sealed: now(secret.sealed) }))
    const [headers, formatSettings] = [row.headers, row.formatSettings].map((value) => value && now(value))
    db.update(webhooks).set({ secrets, headers, formatSettings }).where(eq(webhooks.id, id)).run()
  }
  function replaceInSource(id: string, now: (value: string) => string): void {
    const row = db.select(ofSource).from(sources).where(eq(sources.id, id)).get()
    if (!row) return
    const namedSecrets = row.namedSecrets.map((secret) => ({ ...secret, sealed: now(secret.sealed) }))
    const lookup = row.lookup && { ...row.lookup, headers: row.lookup.headers && now(row.lookup.headers) }
    db.update(sources)
      .set({ secrets: row.secrets.map(now), namedSecrets, lookup })
      .where(eq(sources.id, id))
      .run()
  }

  return {
    replace(kind, changes) {
      for (const { id, pairs } of changes) {
        const known = new Map(pairs.map(({ from, to }) => [from, to]))
        const now = (value: string) => known.get(value) ?? value
        if (kind === 'source') replaceInSource(id, now)
        else replaceInWebhook(id, now)
      }
      return changes.length
    },
  }
}
