import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The files that one installation consists of. Whoever copies this folder has all of it, secrets included. */
export type DataFolder = { path: string; redis: string; database: string; masterKey: string; adminKey: string }

/** Something the user can put right; shown without a stack. */
export class StartError extends Error {}

export async function openDataFolder(path: string): Promise<DataFolder> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  return {
    path,
    redis: join(path, 'redis'),
    database: join(path, 'tidings.db'),
    masterKey: join(path, 'master.key'),
    adminKey: join(path, 'admin.key'),
  }
}

/**
 * The key that seals secrets, made at the first start. Never made anew beside a database that was sealed with another
 * one: that would only be noticed when the first delivery cannot be signed.
 */
export async function ensureMasterKey(folder: DataFolder): Promise<string> {
  if (!existsSync(folder.masterKey)) {
    if (existsSync(folder.database)) {
      throw new StartError(
        `${folder.database} is there, but the key of its secrets is not: put ${folder.masterKey} back, or name the key with MASTER_KEY or MASTER_KEY_FILE.`,
      )
    }
    await keepSecret(folder.masterKey, randomBytes(32).toString('base64'))
  }
  return (await readFile(folder.masterKey, 'utf8')).trim()
}

/** Written so that only its owner can read it, from the first byte on. */
export async function keepSecret(file: string, text: string): Promise<void> {
  await writeFile(file, `${text}\n`, { mode: 0o600 })
  await chmod(file, 0o600)
}
