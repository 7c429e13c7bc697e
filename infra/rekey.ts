import { resolve } from 'node:path'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { reseal } from '../shared/reseal.ts'
import { openVaultOf } from '../shared/secrets.ts'
import { fragments, readSettings, SettingsError } from '../shared/settings.ts'
import { openStorage } from '../shared/storage/open.ts'
import { SchemaMismatch } from '../shared/storage/schema-mismatch.ts'
import { openDataFolder } from './data-folder.ts'
import { standaloneSettings } from './settings.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const rekeySettings = z.object({
  dataDir: standaloneSettings.shape.dataDir,
  databaseUrl: standaloneSettings.shape.databaseUrl,
  masterKey: fragments.storage.masterKey,
  masterKeyPrevious: fragments.storage.masterKeyPrevious,
})

/** `npm run rekey`: seals every stored secret with the newest master key. */
export async function rekey(env: Record<string, string | undefined>, out: (text: string) => void): Promise<number> {
  try {
    const folder = await openDataFolder(env.DATA_DIR ? resolve(env.DATA_DIR) : resolve(root, './data'))
    const own = !env.MASTER_KEY && !env.MASTER_KEY_FILE && existsSync(folder.masterKey) ? { MASTER_KEY_FILE: folder.masterKey } : {}
    const settings = readSettings(rekeySettings, { ...env, ...own })
    const storage = await openStorage(settings.databaseUrl ?? `sqlite:${folder.database}`, { migrations: 'check' })
    try {
      const { rows, resealed, unreadable } = await reseal(storage, openVaultOf(settings), (sofar) =>
        out(`looked at ${sofar.rows} webhooks and sources, sealed ${sofar.resealed} anew\n`),
      )
      for (const one of unreadable) out(`cannot be opened with any of the master keys given: ${one}\n`)
      if (unreadable.length > 0) out('Name the master key they were sealed with in MASTER_KEY_PREVIOUS, and run this again.\n')
      else
        out(
          `All of ${rows} are sealed with the newest master key${resealed === 0 ? ' already' : ''}; MASTER_KEY_PREVIOUS is needed no more.\n`,
        )
      return unreadable.length > 0 ? 1 : 0
    } finally {
      await storage.close()
    }
  } catch (error) {
    if (!(error instanceof SettingsError || error instanceof SchemaMismatch)) throw error
    out(`${error.message}\n`)
    return 78
  }
}
