import type pg from 'pg'
import type { OpenOptions } from '../open.ts'
import type { Storage } from '../storage.ts'
import { openDatabase, openPool } from './database.ts'
import { guarded, withFaults } from './faults.ts'
import { checkSchema, migrate } from './migrate.ts'
import { stores } from './stores.ts'

/** Of each process; a server takes 100 if nothing else is said. */
const connections = 8

/** Opens `postgres://…`: a pool of connections behind the storage port. */
export async function open(url: string, { readOnly = false, migrations = 'apply' }: OpenOptions = {}): Promise<Storage> {
  return openOn(openPool(url, { readOnly, connections }), readOnly ? 'check' : migrations)
}

/** Over a pool that is there. Ends it when the schema is not what this version works with. */
export async function openOn(pool: pg.Pool, migrations: 'apply' | 'check' = 'apply'): Promise<Storage> {
  const db = openDatabase(pool)
  try {
    await withFaults(() => (migrations === 'apply' ? migrate(db) : checkSchema(db)))
  } catch (error) {
    await pool.end()
    throw error
  }
  return {
    ...guarded(stores(db)),
    ping: async () => void (await withFaults(() => pool.query('SELECT 1'))),
    close: () => pool.end(),
  }
}
