import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type pg from 'pg'
import { openStorage } from '../../shared/storage/open.ts'
import { openOn } from '../../shared/storage/postgres/index.ts'
import type { Storage } from '../../shared/storage/storage.ts'
import { createDatabase } from './postgres.ts'

export type TestStorage = { storage: Storage; close(): Promise<void> }
export type Dialect = { name: string; open(): Promise<TestStorage> }

/** A database file of its own, gone afterwards. */
async function openSqlite(scheme = 'sqlite'): Promise<TestStorage> {
  const folder = await mkdtemp(join(tmpdir(), 'tidings-storage-'))
  const storage = await openStorage(`${scheme}:${join(folder, 'tidings.db')}`)
  return {
    storage,
    async close() {
      await storage.close()
      await rm(folder, { recursive: true })
    },
  }
}

/** A database of its own on a real server. */
async function openPostgres(serverUrl: string): Promise<TestStorage> {
  const database = await createDatabase(serverUrl)
  const storage = await openStorage(database.url)
  return {
    storage,
    async close() {
      await storage.close()
      await database.drop()
    },
  }
}

async function openPglite(): Promise<TestStorage> {
  const { PGlitePool } = await import('./pglite.ts')
  const storage = await openOn(new PGlitePool() as unknown as pg.Pool)
  return { storage, close: () => storage.close() }
}

/** Postgres in this process: where no server is installed, and for a look at whether it still works where one is. */
export const pglite: Dialect = { name: 'Postgres (PGlite)', open: openPglite }

/** Of test/support/postgres-setup.ts where none was given. `pglite`: as if no server was there. */
const { TEST_POSTGRES_URL: given } = process.env
export const postgresUrl = given === 'pglite' ? undefined : given

/** Every dialect runs the same suites. */
export const dialects: Dialect[] = [
  { name: 'SQLite', open: () => openSqlite() },
  { name: 'SQLite through libsql', open: () => openSqlite('libsql') },
  postgresUrl ? { name: 'Postgres', open: () => openPostgres(postgresUrl) } : pglite,
]
