import { sql } from 'drizzle-orm'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import { fileURLToPath } from 'node:url'
import { SchemaMismatch } from '../schema-mismatch.ts'
import { all, inTransaction, type Db, type Executor } from './database.ts'
import { makeAhead } from './partitions.ts'

const folder = fileURLToPath(new URL('./migrations', import.meta.url))
/** Any number that nobody else takes: whoever migrates holds it. */
const lock = 7_426_370_111

/** Applies what is missing, in one transaction and one process at a time. A database of a newer version is left alone. */
export async function migrate(db: Db): Promise<void> {
  await inTransaction(db, async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(${lock})`)
    const [server] = await all<{ encoding: string }>(tx, sql`select current_setting('server_encoding') as encoding`)
    if (server?.encoding !== 'UTF8') throw new SchemaMismatch(`the database is in ${server?.encoding}: create it with ENCODING 'UTF8'`)
    await tx.execute(sql`create table if not exists migrations (hash text primary key, applied_at bigint not null)`)
    const { missing, foreign } = await compare(tx)
    if (foreign > 0) throw newer()
    for (const migration of missing) {
      for (const statement of migration.sql) await tx.execute(sql.raw(statement))
      await tx.execute(sql`insert into migrations values (${migration.hash}, ${Date.now()})`)
    }
  })
  await makeAhead(db, Date.now())
}

/** Rejects where the schema is not the one that this version works with. */
export async function checkSchema(db: Db): Promise<void> {
  const [table] = await all<{ name: string | null }>(db, sql`select to_regclass('migrations')::text as name`)
  if (!table?.name) throw new SchemaMismatch('the database has no tables of Tidings yet: run `npm run migrate` first')
  const { missing, foreign } = await compare(db)
  if (foreign > 0) throw newer()
  if (missing.length > 0)
    throw new SchemaMismatch(`the database is of an older version, ${missing.length} migrations behind: run \`npm run migrate\` first`)
}

const newer = () => new SchemaMismatch('the database is of a newer version than this one: start that version, or a newer one')

/** Which migrations a database lacks, and how many it has that this version does not know. */
export async function compare(db: Executor) {
  const rows = await all<{ hash: string }>(db, sql`select hash from migrations`)
  const applied = new Set(rows.map(({ hash }) => hash))
  const migrations = readMigrationFiles({ migrationsFolder: folder })
  const known = new Set(migrations.map(({ hash }) => hash))
  return {
    missing: migrations.filter(({ hash }) => !applied.has(hash)),
    foreign: [...applied].filter((hash) => !known.has(hash)).length,
  }
}
