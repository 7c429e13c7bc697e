import { and, asc, eq, inArray, sql } from 'drizzle-orm'
import type { FieldSpecs } from '../../contracts/api/fields.ts'
import { invalid } from '../../problem.ts'
import type { DirectoryEntry, DirectoryKind, DirectoryStore } from '../directory.ts'
import { checkQuery } from '../query.ts'
import { directory } from './collect-schema.ts'
import type { Db } from './database.ts'
import { beyond, orderOf, pageOf, sortKeys } from './filter.ts'
import { hasWebhook } from './relations.ts'
import type { Sync } from './stores.ts'

const one = (organizationId: string, kind: DirectoryKind, name: string) =>
  and(eq(directory.organizationId, organizationId), eq(directory.kind, kind), eq(directory.name, name))

/** One parameter, however many they are. */
const among = (values: string[]) => sql`(select value from json_each(${JSON.stringify(values)}))`

const byName = { id: { kind: 'text', about: 'the name', always: true } } as const satisfies FieldSpecs
const columns = { id: directory.name }

export function reads(db: Db): Pick<Sync<DirectoryStore>, 'find' | 'list' | 'lookUp'> {
  function named(organizationId: string, kinds: DirectoryKind[], names: string[]): DirectoryEntry[] {
    if (names.length === 0) return []
    const wanted = and(
      eq(directory.organizationId, organizationId),
      inArray(directory.kind, kinds),
      sql`${directory.name} in ${among(names)}`,
    )
    return db.select().from(directory).where(wanted).all()
  }

  const adminsOf = (organizationId: string): DirectoryEntry[] =>
    db
      .select()
      .from(directory)
      .where(and(eq(directory.organizationId, organizationId), eq(directory.kind, 'user'), eq(directory.isAdmin, true)))
      .orderBy(asc(directory.name))
      .all()

  return {
    find: (organizationId, kind, name) =>
      db
        .select()
        .from(directory)
        .where(one(organizationId, kind, name))
        .get(),
    list(organizationId, kind, { limit, after, source }) {
      const query = checkQuery(byName, { sort: [{ field: 'id', direction: 'asc' }], limit, after })
      const wanted = and(
        eq(directory.organizationId, organizationId),
        eq(directory.kind, kind),
        source === undefined ? undefined : eq(directory.source, source),
        beyond(columns, query.sort, query.after),
      )
      const rows = db
        .select({ row: directory, keys: sortKeys(columns, query.sort) })
        .from(directory)
        .where(wanted)
        .orderBy(...orderOf(columns, query.sort))
        .limit(query.limit + 1)
        .all()
      return pageOf(query, rows)
    },
    lookUp: (organizationId, { names, admins }) =>
      db.transaction(() => {
        const found = named(organizationId, ['user', 'team'], names)
        const members = named(organizationId, ['user'], [...new Set(found.flatMap((entry) => entry.members))])
        const all = [...found, ...members, ...(admins ? adminsOf(organizationId) : [])]
        return [...new Map(all.map((entry) => [`${entry.kind} ${entry.name}`, entry])).values()]
      }),
  }
}

export function writes(db: Db): Pick<Sync<DirectoryStore>, 'put' | 'remove' | 'fill'> {
  function write(entry: DirectoryEntry, path: PropertyKey[]): void {
    if (entry.webhookId !== null && !hasWebhook(db, entry.organizationId, entry.webhookId))
      throw invalid([{ path: [...path, 'webhook_id'], message: `there is no webhook "${entry.webhookId}"` }])
    const target = [directory.organizationId, directory.kind, directory.name]
    db.insert(directory).values(entry).onConflictDoUpdate({ target, set: entry }).run()
  }

  function drop(organizationId: string, source: string, kind: DirectoryKind, keeping: string[]): number {
    const theirs = and(eq(directory.organizationId, organizationId), eq(directory.source, source), eq(directory.kind, kind))
    return db
      .delete(directory)
      .where(and(theirs, sql`${directory.name} not in ${among(keeping)}`))
      .run().changes
  }

  return {
    put: (entry) => write(entry, []),
    remove: (organizationId, kind, name) =>
      db
        .delete(directory)
        .where(one(organizationId, kind, name))
        .run().changes === 1,
    fill({ organizationId, source, entries, isWhole }, now) {
      const result = { written: 0, removed: 0, kept: [] as { kind: DirectoryKind; name: string }[] }
      for (const kind of ['user', 'team'] as const) {
        const given = entries.filter((entry) => entry.kind === kind)
        const names = given.map(({ name }) => name)
        if (isWhole) result.removed += drop(organizationId, source, kind, names)
        for (const [i, entry] of given.entries()) {
          const there = db
            .select({ source: directory.source })
            .from(directory)
            .where(one(organizationId, kind, entry.name))
            .get()
          if (there && there.source !== source) result.kept.push({ kind, name: entry.name })
          else write({ ...entry, organizationId, source, updatedAt: now }, [`${kind}s`, i])
        }
        result.written += given.length
      }
      result.written -= result.kept.length
      return result
    },
  }
}
