import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../shared/clock.ts'
import { createApiKey, hashApiKey } from '../../shared/id.ts'
import { openStorage } from '../../shared/storage/open.ts'
import type { Storage } from '../../shared/storage/storage.ts'
import { createApi, type Api } from './api.ts'
import { startService, type ServiceName, type ServiceProcess } from './processes.ts'
import type { RedisProgram } from '../../infra/redis/server.ts'
import { startReceiver, type Receiver } from './receiver.ts'
import { startTestRedis, type TestRedis } from './redis.ts'

/** All of Tidings as separate processes, with a Redis, a database and a receiver that nobody else has. */
export type System = {
  ingest: ServiceProcess
  status: ServiceProcess
  /** All of them, the first included. */
  statuses: ServiceProcess[]
  dispatchers: ServiceProcess[]
  /** One more dispatcher, with the same settings. */
  addDispatcher(): Promise<ServiceProcess>
  redis: TestRedis
  receiver: Receiver
  api: Api
  /** An admin key. */
  key: string
  /** The same database, for what the API does not say. */
  storage: Storage
  /** The file of that database. */
  database: string
  stop(): Promise<void>
}
export type SystemOptions = {
  dispatchers?: number
  statuses?: number
  settings?: Record<string, string>
  /** Settings of one process alone, over those of all: `ingest-1`, `dispatcher-2`. */
  settingsOf?: (name: string, redis: TestRedis) => Promise<Record<string, string>>
  /** Instead of the best Redis of this machine. */
  redis?: RedisProgram
  /** Instead of a single server. */
  startRedis?: (() => Promise<TestRedis>) | undefined
  /** The folder of the compiled code, for another Tidings than this one. */
  compiled?: URL
}

const organizationId = 'default'

export async function startSystem(options: SystemOptions = {}): Promise<System> {
  const endings: (() => Promise<unknown>)[] = []
  const stop = async () => {
    for (let end = endings.pop(); end; end = endings.pop()) await end()
  }
  try {
    return { ...(await start(endings, options)), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function start(endings: (() => Promise<unknown>)[], options: SystemOptions): Promise<Omit<System, 'stop'>> {
  const { dispatchers: count = 1, statuses: statusCount = 1, settings = {}, settingsOf } = options
  const folder = await mkdtemp(join(tmpdir(), 'tidings-test-'))
  endings.push(() => rm(folder, { recursive: true, force: true }))
  const database = join(folder, 'tidings.db')
  const databaseUrl = `sqlite:${database}`
  const storage = await openStorage(databaseUrl)
  endings.push(() => storage.close())
  const key = await createAdminKey(storage)
  const redis = await (options.startRedis?.() ?? startTestRedis(options.redis))
  endings.push(() => redis.stop())
  const receiver = await startReceiver()
  endings.push(() => receiver.stop())

  const env = {
    REDIS_URL: redis.url,
    DATABASE_URL: databaseUrl,
    MASTER_KEY: randomBytes(32).toString('base64'),
    ALLOWED_ADDRESSES: '127.0.0.0/8',
    LOG_LEVEL: 'warn',
    ...settings,
  }
  const started = async (service: ServiceName, list: ServiceProcess[], more: Record<string, string> = {}) => {
    const number = (numbers[service] = (numbers[service] ?? 0) + 1)
    const name = `${service}-${number}`
    const process = await startService(service, { ...env, ...more, ...(await settingsOf?.(name, redis)) }, options.compiled)
    endings.push(() => process.stop())
    // in the order of the numbers, whoever is ready first
    list[number - 1] = process
    return process
  }
  const numbers: Partial<Record<ServiceName, number>> = {}
  const dispatchers: ServiceProcess[] = []
  const statuses: ServiceProcess[] = []
  const addDispatcher = () => started('dispatcher', dispatchers)
  const [ingest, status] = await Promise.all([
    started('ingest', [], { PORT: '0' }),
    started('status', statuses, { PORT: '0' }),
    ...Array.from({ length: statusCount - 1 }, () => started('status', statuses, { PORT: '0' })),
    ...Array.from({ length: count }, addDispatcher),
  ])
  return {
    ingest,
    status,
    statuses,
    dispatchers,
    addDispatcher,
    redis,
    receiver,
    api: createApi({ ingest, status }, key),
    key,
    storage,
    database,
  }
}

async function createAdminKey(storage: Storage): Promise<string> {
  const key = createApiKey()
  const now = systemClock.now()
  await storage.keys.create(
    { id: 'test', organizationId, label: 'test', scopes: ['admin'], createdAt: now, expiresAt: null, lastUsedAt: null, rateLimit: null },
    hashApiKey(key),
  )
  return key
}

/** Starts a system for one test, and ends it whatever happens; when the test fails, what the services said is shown. */
export async function withSystem(options: SystemOptions, body: (system: System) => Promise<void>): Promise<void> {
  const system = await startSystem(options)
  try {
    await body(system)
  } catch (error) {
    showLogs(system)
    throw error
  } finally {
    await system.stop()
  }
}

export function showLogs({ ingest, status, dispatchers }: System): void {
  for (const { name, output } of [ingest, status, ...dispatchers]) process.stderr.write(`── ${name} ──\n${output().slice(-3_000)}\n`)
}

/** What the services themselves call faults; none is expected unless a test breaks something. */
export const faultsOf = ({ ingest, status, dispatchers }: System): string[] =>
  [ingest, status, ...dispatchers].flatMap((one) => one.faults())
