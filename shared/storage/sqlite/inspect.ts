import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import type { DatabaseState } from '../inspect.ts'
import { openDatabase, type Driver } from './database.ts'

/** Looks at a file without changing or making it. */
export function inspect(url: string): DatabaseState {
  const driver: Driver = url.startsWith('libsql:') ? 'libsql' : 'better-sqlite3'
  const file = resolve(url.replace(/^(sqlite|libsql):(\/\/)?/, ''))
  if (!existsSync(file)) return { exists: false, missing: 0, newer: 0 }
  const { $client: client } = openDatabase(file, { readOnly: true, driver })
  try {
    const hasTable = client.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'migrations'").get() !== undefined
    const rows = hasTable ? client.prepare<[], { hash: string }>('SELECT hash FROM migrations').all() : []
    const applied = new Set(rows.map(({ hash }) => hash))
    const known = readMigrationFiles({ migrationsFolder: fileURLToPath(new URL('./migrations', import.meta.url)) }).map(({ hash }) => hash)
    const missing = known.filter((hash) => !applied.has(hash)).length
    return { exists: true, missing, newer: [...applied].filter((hash) => !known.includes(hash)).length }
  } finally {
    client.close()
  }
}

/** Which driver can be loaded here, and what keeps the better one from it. Throws where none can. */
export function sqliteDriver(): { driver: Driver; because: string | undefined } {
  const require = createRequire(import.meta.url)
  const load = (name: Driver) => new (require(name) as new (file: string) => { close(): void })(':memory:').close()
  try {
    load('better-sqlite3')
    return { driver: 'better-sqlite3', because: undefined }
  } catch (error) {
    load('libsql')
    return { driver: 'libsql', because: (error as Error).message.split('\n')[0] }
  }
}
