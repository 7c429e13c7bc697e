import type { Storage } from './storage.ts'

/** The only file that names a dialect; a dialect that is not used is never loaded. */
export async function openStorage(url: string, options: { readOnly?: boolean } = {}): Promise<Storage> {
  if (/^(sqlite|libsql):/.test(url)) return (await import('./sqlite/index.ts')).open(url, options)
  throw new Error(`DATABASE_URL must begin with "sqlite:", for example sqlite:./data/tidings.db; it begins with "${url.split(':')[0]}:"`)
}
