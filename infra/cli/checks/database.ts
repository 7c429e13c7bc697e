import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { masterKeysOf, openVaultOf, type Vault } from '../../../shared/secrets.ts'
import { inspectDatabase } from '../../../shared/storage/inspect.ts'
import { openStorage } from '../../../shared/storage/open.ts'
import type { Env } from '../common/io.ts'
import { note, ok, withoutPassword, wrong, type Finding } from './check.ts'

const valueOf = (env: Env, name: string): string | undefined => {
  const file = env[`${name}_FILE`]
  return file ? readFileSync(file, 'utf8').trim() : env[name] || undefined
}

/** The database, and the key that its secrets are sealed with. */
export async function checkDatabase(env: Env, dataFolder: string): Promise<Finding[]> {
  const url = valueOf(env, 'DATABASE_URL') ?? `sqlite:${join(dataFolder, 'tidings.db')}`
  const shown = withoutPassword(url)
  try {
    const { exists, missing, newer } = await inspectDatabase(url)
    if (!exists) return [note('database', `${shown} is not there yet; the first start makes it`), checkKey(env, dataFolder, false).finding]
    const { finding, vault } = checkKey(env, dataFolder, true)
    const found = migrated(shown, missing, newer)
    return [found, finding, ...(vault && missing === 0 ? [await opens(url, vault)] : [])]
  } catch (error) {
    return [
      wrong('database', `${shown} cannot be read (${(error as Error).message})`, 'correct DATABASE_URL, or what keeps this user from it'),
      checkKey(env, dataFolder, true).finding,
    ]
  }
}

function migrated(url: string, missing: number, newer: number): Finding {
  if (newer > 0)
    return wrong(
      'database',
      `${url} was written by a newer Tidings (${newer} migrations that are not known here)`,
      'start the newer one, or restore a copy from before',
    )
  if (missing > 0) return note('database', `${url} lacks ${missing} migration${missing === 1 ? '' : 's'}; the next start applies them`)
  return ok('database', `${url}, migrated`)
}

function checkKey(env: Env, dataFolder: string, hasDatabase: boolean): { finding: Finding; vault?: Vault } {
  const kept = join(dataFolder, 'master.key')
  const file = env.MASTER_KEY_FILE ?? (env.MASTER_KEY ? undefined : kept)
  const from = file ?? 'MASTER_KEY'
  if (file === kept && !existsSync(kept))
    return hasDatabase
      ? { finding: wrong('master key', `${kept} is not there, and the database is`, `put it back, or name the key with MASTER_KEY_FILE`) }
      : { finding: note('master key', `none yet; the first start makes ${kept}`) }
  try {
    const masterKey = file === undefined ? (env.MASTER_KEY as string) : readFileSync(file, 'utf8').trim()
    if (Buffer.from(masterKey, 'base64').length !== 32)
      return {
        finding: wrong(
          'master key',
          `${from} does not hold 32 bytes in base64`,
          'put the right one there; a new one would open no stored secret',
        ),
      }
    const previous = valueOf(env, 'MASTER_KEY_PREVIOUS')
    const usable = masterKeysOf(previous ?? '').filter((key) => Buffer.from(key, 'base64').length === 32)
    const vault = openVaultOf({ masterKey, masterKeyPrevious: usable.join(',') })
    const open = file !== undefined && (statSync(file).mode & 0o077) !== 0
    return {
      finding: open ? note('master key', `${from} can be read by others than its owner; chmod 600 ${from}`) : ok('master key', from),
      vault,
    }
  } catch (error) {
    return { finding: wrong('master key', `${from} cannot be read (${(error as Error).message})`, 'give this user the right to read it') }
  }
}

/** One secret of each kind is tried: a key that opens none of them is another installation's. */
async function opens(url: string, vault: Vault): Promise<Finding> {
  const storage = await openStorage(url, { readOnly: true })
  try {
    const rows = [...(await storage.sealed.list('webhook', '', 5)), ...(await storage.sealed.list('source', '', 5))]
    const sealed = rows.flatMap(({ id, values }) => values.slice(0, 1).map((value) => ({ id, value })))
    for (const { id, value } of sealed) vault.open(value, id)
    return ok('secrets', sealed.length > 0 ? 'stored secrets open with this master key' : 'none is stored yet')
  } catch (error) {
    return wrong(
      'secrets',
      `a stored secret does not open (${(error as Error).message})`,
      'name the key it was sealed with in MASTER_KEY or MASTER_KEY_PREVIOUS',
    )
  } finally {
    await storage.close()
  }
}
