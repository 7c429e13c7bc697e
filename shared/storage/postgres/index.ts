import type pg from 'pg'
import type { OpenOptions } from '../open.ts'
import type { Storage } from '../storage.ts'
import { openDatabase, openPool } from './database.ts'
import { checkSchema, migrate } from './migrate.ts'
import { stores } from './stores.ts'

/** Opens `postgres://…`: a pool of connections behind the storage port. */
export async function open(url: string, { readOnly = false, migrations = 'apply' }: OpenOptions = {}): Promise<Storage> {
  const pool = openPool(url, { readOnly, connections })
  return openOn(pool, readOnly ? 'check' : migrations)
}

/** Each process has as many; the server takes 100 if nothing else is said. */
const connections = 8

/** Over a pool that is there. Ends it when the schema is not what this version works with. */
export async function openOn(pool: pg.Pool, migrations: 'apply' | 'check' = 'apply'): Promise<Storage> {
  const db = openDatabase(pool)
  try {
    await (migrations === 'apply' ? migrate(db) : checkSchema(db))
  } catch (error) {
    await pool.end()
    throw error
  }
  return {
    ...stores(db),
    ping: async () => void (await pool.query('SELECT 1')),
    close: () => pool.end(),
  }
}
