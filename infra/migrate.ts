import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { readSettings, SettingsError } from '../shared/settings.ts'
import { openStorage } from '../shared/storage/open.ts'
import { SchemaMismatch } from '../shared/storage/schema-mismatch.ts'
import { openDataFolder } from './data-folder.ts'
import { standaloneSettings } from './settings.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const migrateSettings = z.object({ dataDir: standaloneSettings.shape.dataDir, databaseUrl: standaloneSettings.shape.databaseUrl })

/** `npm run migrate`: once before services of a new version start. Two at the same time wait for each other. */
export async function migrate(env: Record<string, string | undefined>, out: (text: string) => void): Promise<number> {
  try {
    const settings = readSettings(migrateSettings, env)
    const url = settings.databaseUrl ?? `sqlite:${(await openDataFolder(resolve(root, settings.dataDir))).database}`
    const storage = await openStorage(url, { migrations: 'apply' })
    await storage.close()
    out('The database has the form that this version works with.\n')
    return 0
  } catch (error) {
    if (!(error instanceof SettingsError || error instanceof SchemaMismatch)) throw error
    out(`${error.message}\n`)
    return 78
  }
}
