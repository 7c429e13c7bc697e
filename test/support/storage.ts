import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStorage } from '../../shared/storage/open.ts'
import type { Storage } from '../../shared/storage/storage.ts'

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

/** Every dialect runs the same suites. */
export const dialects: Dialect[] = [
  { name: 'SQLite', open: () => openSqlite() },
  { name: 'SQLite through libsql', open: () => openSqlite('libsql') },
]
