import { sql } from 'drizzle-orm'
import { all, type Db, type Executor } from '../postgres/database.ts'
import { TransferRefused } from './refused.ts'
import { logs, nameOf, wholes, type Key } from './tables.ts'

/** How far a transfer has come: a table in the target, written in the same transaction as the rows. */
export type Progress = { position(table: string): Key | undefined; move(tx: Executor, table: string, position: Key): Promise<void> }

const source = 'source'

/**
 * Refuses a target that holds anything but what this source has brought, and one that somebody has written to since: its
 * own rows would be lost.
 */
export async function openProgress(db: Db, identity: string): Promise<Progress> {
  const noted = await read(db)
  const known = noted.get(source)
  if (known === undefined) await refuseFilled(db)
  else if (known !== identity) throw new TransferRefused('the target holds what another file has brought: give it a database of its own')
  const positions = new Map([...noted].filter(([name]) => name !== source).map(([name, position]) => [name, JSON.parse(position) as Key]))
  const position = (table: string) => positions.get(table)
  if (known !== undefined) await refuseUsed(db, position)
  await db.execute(sql`create table if not exists transfer (name text primary key, position text not null)`)
  await note(db, source, identity)
  return {
    position,
    async move(tx, table, to) {
      await note(tx, table, JSON.stringify(to))
      positions.set(table, to)
    },
  }
}

const isThere = async (db: Executor, table: string) =>
  (await all<{ name: string | null }>(db, sql`select to_regclass(${table})::text as name`))[0]?.name !== null

async function read(db: Db): Promise<Map<string, string>> {
  if (!(await isThere(db, 'transfer'))) return new Map()
  return new Map((await all<{ name: string; position: string }>(db, sql`select * from transfer`)).map((row) => [row.name, row.position]))
}

/** A database that something else lives in is left as it is. */
export async function refuseForeign(db: Db): Promise<void> {
  const [found] = await all<{ tables: number }>(db, sql`select count(*) as tables from pg_tables where schemaname = current_schema()`)
  if (found && found.tables > 0 && !(await isThere(db, 'migrations')))
    throw new TransferRefused('the target holds tables that are not those of Tidings: give it an empty database')
}

const note = (tx: Executor, name: string, position: string) =>
  tx.execute(sql`insert into transfer values (${name}, ${position}) on conflict (name) do update set position = excluded.position`)

async function refuseFilled(db: Db): Promise<void> {
  for (const name of [...wholes, ...logs.map(({ table }) => table)].map(nameOf)) {
    const [found] = await all<{ filled: boolean }>(db, sql`select exists (select from ${sql.identifier(name)}) as filled`)
    if (found?.filled) throw new TransferRefused(`the target holds something already, in its table ${name}: give it an empty database`)
  }
}

/** Services that run on the target add to these, and to nothing without them. */
async function refuseUsed(db: Db, position: Progress['position']): Promise<void> {
  const own = async (table: string, column: string) => {
    const [at] = position(table) ?? []
    const beyond = at === undefined ? sql`true` : sql`${sql.identifier(column)} > ${at}`
    const [found] = await all<{ own: boolean }>(db, sql`select exists (select from ${sql.identifier(table)} where ${beyond}) as own`)
    return found?.own === true
  }
  const isUsed = (await own('events', 'id')) || (await own('audit', 'seq')) || (await own('registry', 'version'))
  if (isUsed) throw new TransferRefused('services have worked with the target since the last run: what they have written would be lost')
}
