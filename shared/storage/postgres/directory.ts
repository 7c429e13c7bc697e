import { and, asc, eq, inArray, not, or, sql, type SQL } from 'drizzle-orm'
import type { FieldSpecs } from '../../contracts/api/fields.ts'
import { invalid } from '../../problem.ts'
import type { DirectoryEntry, DirectoryFilling, DirectoryKind, DirectoryStore } from '../directory.ts'
import { checkQuery } from '../query.ts'
import { among } from './among.ts'
import { directory } from './collect-schema.ts'
import { clean } from './columns.ts'
import { all, inTransaction, rowsOf, type Db, type Executor } from './database.ts'
import { beyond, orderOf, pageOf, sortKeys } from './filter.ts'
import { hold } from './locks.ts'
import { holdWebhooks } from './relations.ts'

const one = (organizationId: string, kind: DirectoryKind, name: string) =>
  and(eq(directory.organizationId, organizationId), eq(directory.kind, kind), eq(directory.name, name))

const byName = { id: { kind: 'text', about: 'the name', always: true } } as const satisfies FieldSpecs
const columns = { id: directory.name }

const noWebhook = (id: string, path: PropertyKey[]) => invalid([{ path: [...path, 'webhook_id'], message: `there is no webhook "${id}"` }])

/** Writes what is new or the source's own. The names of what was written, by kind. */
async function writeOwn(tx: Executor, { organizationId, source, entries }: DirectoryFilling, now: number): Promise<Set<string>> {
  // of two with one name the last is the one; in the order of names, so that two fillings wait for one another and not in a circle
  const last = [...new Map(entries.map((entry) => [called(entry), entry])).entries()].sort(([a], [b]) => (a < b ? -1 : 1))
  const rows = last.map(([, { members, ...entry }]) => ({ ...entry, members: JSON.stringify(members) }))
  const types = 'kind text, name text, "displayName" text, email text, "isAdmin" boolean, "webhookId" text, members text'
  const written = await all<Pick<DirectoryEntry, 'kind' | 'name'>>(
    tx,
    sql`insert into directory (organization_id, source, updated_at, kind, name, display_name, email, is_admin, webhook_id, members)
      select ${organizationId}, ${source}, ${now}, kind, name, "displayName", email, "isAdmin", "webhookId", members::json from ${rowsOf(rows, types)}
      on conflict (organization_id, kind, name) do update set display_name = excluded.display_name, email = excluded.email,
        is_admin = excluded.is_admin, webhook_id = excluded.webhook_id, members = excluded.members, updated_at = excluded.updated_at
      where directory.source = excluded.source
      returning kind, name`,
  )
  return new Set(written.map(called))
}

const called = ({ kind, name }: Pick<DirectoryEntry, 'kind' | 'name'>) => `${kind} ${clean(name)}`

async function dropOthers(tx: Executor, { organizationId, source, entries }: DirectoryFilling): Promise<number> {
  const theirs = and(eq(directory.organizationId, organizationId), eq(directory.source, source))
  const kept = (kind: DirectoryKind) => entries.filter((entry) => entry.kind === kind).map(({ name }) => name)
  const isNamed = (kind: DirectoryKind) => and(eq(directory.kind, kind), among(directory.name, kept(kind)))
  const { rowCount } = await tx.delete(directory).where(and(theirs, not(or(isNamed('user'), isNamed('team')) as SQL)))
  return rowCount ?? 0
}

function fill(db: Db, filling: DirectoryFilling, now: number) {
  const { organizationId, entries, isWhole } = filling
  return inTransaction(db, async (tx) => {
    await hold(tx, 'directory', organizationId)
    const there = await holdWebhooks(tx, organizationId, [...new Set(entries.flatMap(({ webhookId }) => webhookId ?? []))])
    const removed = isWhole ? await dropOthers(tx, filling) : 0
    const written = await writeOwn(tx, filling, now)
    for (const kind of ['user', 'team'] as const) {
      for (const [i, entry] of entries.filter((given) => given.kind === kind).entries()) {
        if (entry.webhookId !== null && written.has(called(entry)) && !there.has(entry.webhookId))
          throw noWebhook(entry.webhookId, [`${kind}s`, i])
      }
    }
    const kept = entries.filter((entry) => !written.has(called(entry))).map(({ kind, name }) => ({ kind, name }))
    return { written: entries.length - kept.length, removed, kept }
  })
}

export function create(db: Db): DirectoryStore {
  function named(organizationId: string, kinds: DirectoryKind[], names: string[]): Promise<DirectoryEntry[]> {
    const isNamed = among(directory.name, names)
    return db
      .select()
      .from(directory)
      .where(and(eq(directory.organizationId, organizationId), inArray(directory.kind, kinds), isNamed))
  }

  const adminsOf = (organizationId: string): Promise<DirectoryEntry[]> =>
    db
      .select()
      .from(directory)
      .where(and(eq(directory.organizationId, organizationId), eq(directory.kind, 'user'), eq(directory.isAdmin, true)))
      .orderBy(asc(directory.name))

  return {
    async find(organizationId, kind, name) {
      const [found] = await db
        .select()
        .from(directory)
        .where(one(organizationId, kind, name))
      return found
    },
    async list(organizationId, kind, { limit, after, source }) {
      const query = checkQuery(byName, { sort: [{ field: 'id', direction: 'asc' }], limit, after })
      const wanted = and(
        eq(directory.organizationId, organizationId),
        eq(directory.kind, kind),
        source === undefined ? undefined : eq(directory.source, source),
        beyond(columns, query.sort, query.after),
      )
      const rows = await db
        .select({ row: directory, keys: sortKeys(columns, query.sort) })
        .from(directory)
        .where(wanted)
        .orderBy(...orderOf(columns, query.sort))
        .limit(query.limit + 1)
      return pageOf(query, rows)
    },
    async lookUp(organizationId, { names, admins }) {
      const found = names.length === 0 ? [] : await named(organizationId, ['user', 'team'], names)
      const memberNames = [...new Set(found.flatMap((entry) => entry.members))]
      const members = memberNames.length === 0 ? [] : await named(organizationId, ['user'], memberNames)
      const everybody = [...found, ...members, ...(admins ? await adminsOf(organizationId) : [])]
      return [...new Map(everybody.map((entry) => [called(entry), entry])).values()]
    },
    put: (entry) =>
      inTransaction(db, async (tx) => {
        const { organizationId, webhookId } = entry
        if (webhookId !== null && !(await holdWebhooks(tx, organizationId, [webhookId])).has(webhookId)) throw noWebhook(webhookId, [])
        const target = [directory.organizationId, directory.kind, directory.name]
        await tx.insert(directory).values(entry).onConflictDoUpdate({ target, set: entry })
      }),
    async remove(organizationId, kind, name) {
      const { rowCount } = await db.delete(directory).where(one(organizationId, kind, name))
      return rowCount === 1
    },
    fill: (filling, now) => fill(db, filling, now),
  }
}
