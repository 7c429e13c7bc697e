import { rm } from 'node:fs/promises'
import { assemble } from '../assembly.ts'
import { openDataFolder } from '../data-folder.ts'
import { standaloneSettings } from '../settings.ts'
import { readSettings } from '../../shared/settings.ts'

/**
 * The process of the Tidings that the demo starts for itself: all of it, in a data folder that is removed at the end.
 * Ends by itself when the demo does, however that ended.
 */
export type Hello = { url: string; key: string; redis: string } | { failure: string }

const say = (line: string) => void process.stderr.write(`${line}\n`)
const tell = (hello: Hello) => void process.send?.(hello)

const settings = readSettings(standaloneSettings, process.env)
const folder = await openDataFolder(settings.dataDir)
const running = assemble(settings, folder, process.env, say)

let ending = false
async function end(): Promise<void> {
  const started = await running.catch(() => undefined)
  if (ending) await started?.kill()
  else {
    ending = true
    await started?.stop()
  }
  await rm(folder.path, { recursive: true, force: true })
  process.exit(0)
}
process.on('SIGTERM', () => void end())
process.on('disconnect', () => void end())

try {
  const { url, newAdminKey, redis } = await running
  tell({ url, key: newAdminKey ?? '', redis: redis.why })
} catch (error) {
  tell({ failure: (error as Error).message })
  await end()
}
