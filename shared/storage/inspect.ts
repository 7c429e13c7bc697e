/** How a database stands to the program: which migrations it lacks, and which it has that the program does not know. */
export type DatabaseState = { exists: boolean; missing: number; newer: number }

/** Looks, and changes nothing. Rejects where the database cannot be reached. */
export async function inspectDatabase(url: string): Promise<DatabaseState> {
  if (/^(sqlite|libsql):/.test(url)) return (await import('./sqlite/inspect.ts')).inspect(url)
  return (await import('./postgres/inspect.ts')).inspect(url)
}
