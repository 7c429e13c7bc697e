import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readSettings, SettingsError } from '../shared/settings.ts'
import { SchemaMismatch } from '../shared/storage/schema-mismatch.ts'
import { assemble, type Standalone } from './assembly.ts'
import { StartError, openDataFolder, type DataFolder } from './data-folder.ts'
import { FolderTakenError } from './redis/record.ts'
import { NoRedisError } from './redis/find.ts'
import { standaloneSettings } from './settings.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const say = (line: string) => void process.stderr.write(`${line}\n`)

/** npm hands Ctrl-C on to us although the terminal has done so already: that is one signal, not two. */
const sameSignalMs = 500

/** The process of `npm start`: starts everything, says where it is, and ends everything on a signal. */
export async function standalone(env: Record<string, string | undefined>): Promise<void> {
  dieOfFaults()
  try {
    const settings = readSettings(standaloneSettings, env)
    const folder = await openDataFolder(env.DATA_DIR ? resolve(settings.dataDir) : resolve(root, settings.dataDir))
    const running = assemble(settings, folder, env, say)
    endOnSignal(running)
    process.stdout.write(`${welcome(await running, folder)}\n`)
  } catch (error) {
    if (![StartError, SettingsError, SchemaMismatch, NoRedisError, FolderTakenError].some((kind) => error instanceof kind)) throw error
    say(`\nTidings did not start: ${(error as Error).message}`)
    process.exit(1)
  }
}

function welcome({ url, redis, databaseUrl, newAdminKey, loginPath }: Standalone, folder: DataFolder): string {
  const kept = existsSync(folder.adminKey) ? `in ${folder.adminKey}` : 'shown at the first start, and not kept here any more'
  const rows = [
    ['API', url],
    ...(loginPath
      ? [['Console', `${url}${loginPath}\n${' '.repeat(13)}signs in once, within ten minutes; later ${url}/ asks for a key`]]
      : []),
    ['Docs', `${url}/docs`],
    ['Queues', `${url}/queues  (user: any, password: the admin key)`],
    ['Admin key', newAdminKey ? `${newAdminKey}\n${' '.repeat(13)}shown this once; kept ${kept}` : kept],
    ['Redis', redis.why],
    ['Data', databaseUrl.startsWith(`sqlite:${folder.path}`) ? folder.path : `${folder.path}, database given by DATABASE_URL`],
  ]
  const lines = rows.map(([name, text]) => `  ${(name as string).padEnd(11)}${text}`)
  return ['', 'Tidings is ready. Ctrl-C ends it.', '', ...lines, ''].join('\n')
}

function endOnSignal(running: Promise<Standalone>): void {
  let endingSince: number | undefined
  const end = async (signal: string) => {
    if (endingSince !== undefined) {
      if (Date.now() - endingSince < sameSignalMs) return
      say('ending at once')
      // who is still starting has nothing to be ended in order; its children end with us
      await Promise.race([running.then((one) => one.kill()), new Promise((done) => setTimeout(done, 1_000))])
      process.exit(1)
    }
    endingSince = Date.now()
    say(`\n${signal}: letting requests under way end; once more ends at once`)
    const started = await running.catch(() => undefined)
    await started?.stop()
    say('Tidings has ended.')
    process.exit(0)
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void end(signal))
}

/** Half alive is worse than dead. Children end with us: Redis by the exit listener, dispatchers by their channel. */
function dieOfFaults(): void {
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      say(`fault: ${error instanceof Error ? error.stack : String(error)}`)
      process.exit(1)
    })
  }
}
