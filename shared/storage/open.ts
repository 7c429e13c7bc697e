import type { Storage } from './storage.ts'

export type OpenOptions = {
  readOnly?: boolean | undefined
  /** `check`: a schema of another version is refused and not changed. SQLite, which is one machine's own, is always brought up to date. */
  migrations?: 'apply' | 'check' | undefined
}

/** The only file that names a dialect; a dialect that is not used is never loaded. */
export async function openStorage(url: string, options: OpenOptions = {}): Promise<Storage> {
  if (/^(sqlite|libsql):/.test(url)) return (await import('./sqlite/index.ts')).open(url, options)
  if (/^postgres(ql)?:/.test(url)) return (await import('./postgres/index.ts')).open(url, options)
  throw new Error(
    `DATABASE_URL must begin with "sqlite:" or "postgres:", for example sqlite:./data/tidings.db; it begins with "${url.split(':')[0]}:"`,
  )
}
