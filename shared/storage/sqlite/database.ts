import Database from 'better-sqlite3'
import { drizzle, type BetterSQLite3Database } from 'drizzle-orm/better-sqlite3'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import { fileURLToPath } from 'node:url'
import { createRequire } from 'node:module'

/** `better-sqlite3` where it can be loaded, `libsql` where not, or where it is asked for. */
export type Driver = 'better-sqlite3' | 'libsql'

export type Db = BetterSQLite3Database & { $client: Database.Database }

/**
 * Opens one connection. `synchronous=FULL` is set and read back on every open, because SQLite silently takes NORMAL
 * when a WAL file is opened again, and with NORMAL a 202 would not survive a power cut.
 */
export function openDatabase(file: string, { readOnly, driver = 'better-sqlite3' }: { readOnly: boolean; driver?: Driver }): Db {
  const client = openClient(file, readOnly, driver)
  client.pragma('busy_timeout = 5000')
  if (!readOnly) {
    client.pragma('journal_mode = WAL')
    client.pragma('synchronous = FULL')
    const [row] = client.pragma('synchronous') as [{ synchronous: number }]
    if (row.synchronous !== 2) throw new Error('SQLite does not take synchronous=FULL')
    // The end of an index is written again and again: the longer the way to a checkpoint, the fewer pages go into the file.
    client.pragma('wal_autocheckpoint = 8000')
    client.pragma('journal_size_limit = 67108864')
  }
  client.pragma('cache_size = -32000')
  client.pragma('mmap_size = 268435456')
  client.pragma('temp_store = MEMORY')
  return drizzle(client)
}

/**
 * better-sqlite3 is compiled at install; where no compiler was found, `libsql` has the same interface and ships its
 * binary inside the package.
 */
function openClient(file: string, readOnly: boolean, driver: Driver): Database.Database {
  try {
    if (driver === 'libsql') return openLibsql(file, readOnly)
    return new Database(file, { readonly: readOnly })
  } catch (error) {
    if (!/bindings file|ERR_DLOPEN|NODE_MODULE_VERSION|Cannot find module/.test(String(error))) throw error
    return openLibsql(file, readOnly)
  }
}

function openLibsql(file: string, readOnly: boolean): Database.Database {
  const Libsql = createRequire(import.meta.url)('libsql') as typeof Database
  return new Libsql(file, { readonly: readOnly })
}

/** Another process may be at it: an index of millions of rows takes its time. */
const migratingMs = 600_000

/** Applies what is missing, in one immediate transaction, so that two processes starting at once do not collide. */
export function migrate(db: Db): void {
  const folder = fileURLToPath(new URL('./migrations', import.meta.url))
  const client = db.$client
  client.exec('CREATE TABLE IF NOT EXISTS migrations (hash TEXT PRIMARY KEY, applied_at INTEGER NOT NULL)')
  // an index of millions of rows is sorted on disk
  client.pragma('temp_store = FILE')
  beginMigration(client)
  try {
    const applied = new Set(
      client
        .prepare<[], { hash: string }>('SELECT hash FROM migrations')
        .all()
        .map((row) => row.hash),
    )
    for (const migration of readMigrationFiles({ migrationsFolder: folder })) {
      if (applied.has(migration.hash)) continue
      for (const statement of migration.sql) client.exec(statement)
      client.prepare('INSERT INTO migrations VALUES (?, ?)').run(migration.hash, Date.now())
    }
    client.exec('COMMIT')
  } catch (error) {
    client.exec('ROLLBACK')
    throw error
  }
  client.pragma('temp_store = MEMORY')
}

function beginMigration(client: Database.Database): void {
  for (const until = performance.now() + migratingMs; ; ) {
    try {
      client.exec('BEGIN IMMEDIATE')
      return
    } catch (error) {
      if ((error as { code?: string }).code !== 'SQLITE_BUSY' || performance.now() > until) throw error
    }
  }
}
