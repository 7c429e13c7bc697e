import { ingestSettings } from '../services/ingest/settings.ts'
import { statusSettings } from '../services/status/settings.ts'
import { readSettings } from '../shared/settings.ts'
import { openStorage } from '../shared/storage/open.ts'
import { ensureMasterKey, keepSecret, type DataFolder } from './data-folder.ts'
import { startDispatchers } from './dispatchers.ts'
import { listen, starting } from './front.ts'
import { findRedis, type FoundRedis } from './redis/find.ts'
import type { StandaloneSettings } from './settings.ts'

type Env = Record<string, string | undefined>
export type Standalone = {
  url: string
  redis: FoundRedis
  databaseUrl: string
  /** In clear, at the first start alone. */
  newAdminKey: string | undefined
  /** Path of a link that signs in once; undefined where no admin key is left. */
  loginPath: string | undefined
  /** Lets everything that runs come to its end, in order. */
  stop(): Promise<void>
  /** Ends what would outlive us, at once. */
  kill(): Promise<void>
}

/** In the order of their end: nothing new comes in, what is under way goes out, what came of it is written down. */
const endOrder = ['front', 'ingest', 'dispatchers', 'status', 'storage', 'redis'] as const
type Parts = Partial<Record<(typeof endOrder)[number], { stop(): Promise<void>; kill?(): Promise<void> }>>

/** Starts all of Tidings on one port. Whatever fails, nothing that was started before is left running. */
export async function assemble(
  settings: StandaloneSettings,
  folder: DataFolder,
  env: Env,
  say: (line: string) => void,
): Promise<Standalone> {
  const parts: Parts = {}
  const stop = async () => {
    for (const name of endOrder) await parts[name]?.stop()
  }
  const kill = async () => void (await Promise.all(endOrder.map(async (name) => parts[name]?.kill?.())))
  try {
    return { ...(await startParts(parts, settings, folder, env, say)), stop, kill }
  } catch (error) {
    await stop()
    throw error
  }
}

async function startParts(parts: Parts, settings: StandaloneSettings, folder: DataFolder, env: Env, say: (line: string) => void) {
  let fetch = starting
  // first of all, so that a second start on the same port fails before it has touched anything
  const front = await listen(settings, (request: Request, bindings?: object) => fetch(request, bindings))
  parts.front = front
  const handed = await handOn(settings, folder, env)
  const redis = await findRedis({ env: { ...handed, REDIS_URL: settings.redisUrl }, folder: folder.redis, say })
  parts.redis = redis
  const serviceEnv = { ...handed, REDIS_URL: redis.url }
  const [ingest, status] = [readSettings(ingestSettings, serviceEnv), readSettings(statusSettings, serviceEnv)]

  const storage = await openStorage(ingest.databaseUrl)
  parts.storage = { stop: () => storage.close() }
  // they come up on another core while we load our own code; not before the database has its present form
  const dispatchers = startDispatchers(settings.dispatchers, serviceEnv, say)
  parts.dispatchers = dispatchers
  const { startServices } = await import('./services.ts')
  const services = await startServices({ ingest, status, storage, dispatchers, env: serviceEnv })
  Object.assign(parts, { ingest: services.ingest, status: services.status })
  if (services.newAdminKey) await keepSecret(folder.adminKey, services.newAdminKey)
  await dispatchers.ready
  fetch = services.fetch
  return { url: front.url, redis, databaseUrl: ingest.databaseUrl, newAdminKey: services.newAdminKey, loginPath: services.loginPath }
}

/** The environment of the services: what is decided here replaces what was given, and the port stays ours. */
async function handOn(settings: StandaloneSettings, folder: DataFolder, given: Env): Promise<Env> {
  const { PORT: _port, HOST: _host, REDIS_URL_FILE: _redis, DATABASE_URL_FILE: _database, ...env } = given
  const key = settings.masterKey ? {} : await ensureMasterKey(folder).then(() => ({ MASTER_KEY_FILE: folder.masterKey }))
  return { ...env, ...key, DATABASE_URL: settings.databaseUrl ?? `sqlite:${folder.database}`, LOG_LEVEL: settings.logLevel }
}
