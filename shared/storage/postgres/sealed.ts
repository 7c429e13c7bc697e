import { asc, gt, inArray, sql } from 'drizzle-orm'
import type { SealedStore } from '../storage.ts'
import { inTransaction, rowsOf, type Db, type Executor } from './database.ts'
import { sources, webhooks } from './schema.ts'

const ofWebhook = { id: webhooks.id, secrets: webhooks.secrets, headers: webhooks.headers, formatSettings: webhooks.formatSettings }
const ofSource = { id: sources.id, secrets: sources.secrets, namedSecrets: sources.namedSecrets, lookup: sources.lookup }

/** What a value of a row is sealed as from now on. */
type Change = (id: string, value: string) => string

async function replaceInWebhooks(tx: Executor, ids: string[], now: Change): Promise<void> {
  const rows = await tx.select(ofWebhook).from(webhooks).where(inArray(webhooks.id, ids)).orderBy(asc(webhooks.id)).for('update')
  const changed = rows.map(({ id, secrets, headers, formatSettings }) => ({
    id,
    secrets: JSON.stringify(secrets.map((secret) => ({ ...secret, sealed: now(id, secret.sealed) }))),
    headers: headers && now(id, headers),
    formatSettings: formatSettings && now(id, formatSettings),
  }))
  await tx.execute(sql`
    update webhooks set secrets = r.secrets::json, headers = r.headers, format_settings = r."formatSettings"
    from ${rowsOf(changed, 'id text, secrets text, headers text, "formatSettings" text')} where webhooks.id = r.id`)
}

async function replaceInSources(tx: Executor, ids: string[], now: Change): Promise<void> {
  const rows = await tx.select(ofSource).from(sources).where(inArray(sources.id, ids)).orderBy(asc(sources.id)).for('update')
  const changed = rows.map(({ id, secrets, namedSecrets, lookup }) => ({
    id,
    secrets: JSON.stringify(secrets.map((secret) => now(id, secret))),
    namedSecrets: JSON.stringify(namedSecrets.map((secret) => ({ ...secret, sealed: now(id, secret.sealed) }))),
    lookup: lookup && JSON.stringify({ ...lookup, headers: lookup.headers && now(id, lookup.headers) }),
  }))
  await tx.execute(sql`
    update sources set secrets = r.secrets::json, named_secrets = r."namedSecrets"::json, lookup = r.lookup::json
    from ${rowsOf(changed, 'id text, secrets text, "namedSecrets" text, lookup text')} where sources.id = r.id`)
}

export function create(db: Db): SealedStore {
  return {
    async list(kind, after, limit) {
      if (kind === 'source') {
        const rows = await db.select(ofSource).from(sources).where(gt(sources.id, after)).orderBy(asc(sources.id)).limit(limit)
        return rows.map(({ id, secrets, namedSecrets, lookup }) => ({
          id,
          values: [...secrets, ...namedSecrets.map(({ sealed }) => sealed), ...(lookup?.headers ? [lookup.headers] : [])],
        }))
      }
      // removed ones too: they can be brought back
      const rows = await db.select(ofWebhook).from(webhooks).where(gt(webhooks.id, after)).orderBy(asc(webhooks.id)).limit(limit)
      return rows.map(({ id, secrets, headers, formatSettings }) => ({
        id,
        values: [...secrets.map(({ sealed }) => sealed), headers, formatSettings].filter((value) => value !== null),
      }))
    },
    replace: (kind, changes) =>
      inTransaction(db, async (tx) => {
        if (changes.length === 0) return 0
        const known = new Map(changes.map(({ id, pairs }) => [id, new Map(pairs.map(({ from, to }) => [from, to]))]))
        const now: Change = (id, value) => known.get(id)?.get(value) ?? value
        await (kind === 'source' ? replaceInSources : replaceInWebhooks)(tx, [...known.keys()], now)
        return changes.length
      }),
  }
}
