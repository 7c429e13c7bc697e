import { sql } from 'drizzle-orm'
import type { DatabaseState } from '../inspect.ts'
import { all, openDatabase, openPool } from './database.ts'
import { compare } from './migrate.ts'

/** Looks at a database without changing it. */
export async function inspect(url: string): Promise<DatabaseState> {
  const pool = openPool(url, { readOnly: true, connections: 1 })
  try {
    const db = openDatabase(pool)
    const [table] = await all<{ name: string | null }>(db, sql`select to_regclass('migrations')::text as name`)
    if (!table?.name) return { exists: false, missing: 0, newer: 0 }
    const { missing, foreign } = await compare(db)
    return { exists: true, missing: missing.length, newer: foreign }
  } finally {
    await pool.end()
  }
}
