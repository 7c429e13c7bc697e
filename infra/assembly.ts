import { startIngest } from '../services/ingest/service.ts'
import { ingestSettings } from '../services/ingest/settings.ts'
import { ensureAdminKey } from '../services/status/bootstrap.ts'
import { startStatus } from '../services/status/service.ts'
import { statusSettings } from '../services/status/settings.ts'
import { systemClock } from '../shared/clock.ts'
import { serve, type Serving } from '../shared/http/serve.ts'
import { createLogger } from '../shared/logger.ts'
import { openVault } from '../shared/secrets.ts'
import { readSettings } from '../shared/settings.ts'
import { openStorage } from '../shared/storage/open.ts'
import { StartError, ensureMasterKey, keepSecret, type DataFolder } from './data-folder.ts'
import { startDispatchers } from './dispatchers.ts'
import { createGateway, starting } from './gateway.ts'
import { findRedis, type FoundRedis } from './redis/find.ts'
import type { StandaloneSettings } from './settings.ts'

type Env = Record<string, string | undefined>
export type Standalone = {
  url: string
  redis: FoundRedis
  databaseUrl: string
  /** In clear, at the first start alone. */
  newAdminKey: string | undefined
  /** Lets everything that runs come to its end, in order. */
  stop(): Promise<void>
  /** Ends what would outlive us, at once. */
  kill(): Promise<void>
}

/** What has been started, to be ended the other way round. */
type Started = { stop(): Promise<void>; kill?(): Promise<void> }

/** Starts all of Tidings on one port. Whatever fails, nothing that was started before is left running. */
export async function assemble(
  settings: StandaloneSettings,
  folder: DataFolder,
  env: Env,
  say: (line: string) => void,
): Promise<Standalone> {
  const started: Started[] = []
  const stop = async () => {
    for (let part = started.pop(); part; part = started.pop()) await part.stop()
  }
  // first of all, so that a second start fails before it has touched anything, and last to be put into the list
  let fetch = starting
  const front = await listen(settings, (request: Request, bindings?: object) => fetch(request, bindings))
  try {
    const handed = await handOn(settings, folder, env)
    const redis = await findRedis({ env: { ...handed, REDIS_URL: settings.redisUrl }, folder: folder.redis, say })
    started.push(redis)
    const serviceEnv = { ...handed, REDIS_URL: redis.url }
    const services = await startServices(settings, serviceEnv, started, say)
    fetch = services.fetch
    started.push(front)
    const { databaseUrl } = readSettings(ingestSettings, serviceEnv)
    if (services.newAdminKey) await keepSecret(folder.adminKey, services.newAdminKey)
    const kill = async () => void (await Promise.all(started.map(async (part) => part.kill?.())))
    return { url: front.url, redis, databaseUrl, newAdminKey: services.newAdminKey, stop, kill }
  } catch (error) {
    await front.stop()
    await stop()
    throw error
  }
}

async function startServices(settings: StandaloneSettings, env: Env, started: Started[], say: (line: string) => void) {
  const forIngest = readSettings(ingestSettings, env)
  const forStatus = readSettings(statusSettings, env)
  const storage = await openStorage(forIngest.databaseUrl)
  started.push({ stop: () => storage.close() })
  const newAdminKey = await ensureAdminKey(storage, systemClock)
  const shared = {
    storage,
    redis: { url: forIngest.redisUrl, prefix: forIngest.redisPrefix },
    vault: openVault(Buffer.from(forIngest.masterKey, 'base64')),
    clock: systemClock,
  }
  const log = (name: string) => createLogger(name, settings.logLevel)
  const status = await startStatus({ ...shared, settings: forStatus, log: log('status') })
  started.push(status)
  const dispatchers = await startDispatchers(settings.dispatchers, env, say)
  started.push(dispatchers)
  const ingest = await startIngest({ ...shared, settings: forIngest, log: log('ingest') })
  started.push(ingest)
  return { newAdminKey, fetch: createGateway({ ingest, status, dispatchers: dispatchers.states }, log('gateway')) }
}

/** The environment of the services: what is decided here replaces what was given, and the port stays ours. */
async function handOn(settings: StandaloneSettings, folder: DataFolder, given: Env): Promise<Env> {
  const { PORT: _port, HOST: _host, REDIS_URL_FILE: _redis, DATABASE_URL_FILE: _database, ...env } = given
  const key = settings.masterKey ? {} : await ensureMasterKey(folder).then(() => ({ MASTER_KEY_FILE: folder.masterKey }))
  return { ...env, ...key, DATABASE_URL: settings.databaseUrl ?? `sqlite:${folder.database}`, LOG_LEVEL: settings.logLevel }
}

async function listen({ host, port }: StandaloneSettings, fetch: Parameters<typeof serve>[0]): Promise<Serving> {
  try {
    return await serve(fetch, { host, port })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE')
      throw new StartError(`port ${port} on ${host} is taken. Stop what listens there, or take another: PORT=${port + 1} npm start`)
    if (code === 'EACCES') throw new StartError(`port ${port} needs rights that this user lacks. Take one above 1023: PORT=8400 npm start`)
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') throw new StartError(`HOST=${host} is no address of this machine (${message})`)
    throw error
  }
}
