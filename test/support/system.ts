import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../shared/clock.ts'
import { createApiKey, hashApiKey } from '../../shared/id.ts'
import { openStorage } from '../../shared/storage/open.ts'
import type { Storage } from '../../shared/storage/storage.ts'
import { createApi, type Api } from './api.ts'
import type { Deployment } from './deployments.ts'
import { startService, type ServiceName, type ServiceProcess } from './processes.ts'
import type { RedisProgram } from '../../infra/redis/server.ts'
import { startReceiver, type Receiver } from './receiver.ts'
import { startTestRedis, type TestRedis } from './redis.ts'

/** All of Tidings as separate processes, with a Redis, a database and a receiver that nobody else has. */
export type System = {
  ingest: ServiceProcess
  /** All of them, the first included. */
  ingests: ServiceProcess[]
  status: ServiceProcess
  /** All of them, the first included. */
  statuses: ServiceProcess[]
  dispatchers: ServiceProcess[]
  /** One more dispatcher, with the same settings. */
  addDispatcher(): Promise<ServiceProcess>
  redis: TestRedis
  receiver: Receiver
  /** Asks each ingest and each status in turn. */
  api: Api
  /** An admin key. */
  key: string
  /** The same database, for what the API does not say. */
  storage: Storage
  databaseUrl: string
  /** The file of that database, where it is SQLite. */
  database: string
  /** Gone with the system. */
  folder: string
  stop(): Promise<void>
}
export type SystemOptions = Deployment & {
  /** Settings of one process alone, over those of all: `ingest-1`, `dispatcher-2`. */
  settingsOf?: (name: string, redis: TestRedis) => Promise<Record<string, string>>
  /** Instead of the best Redis of this machine. */
  redis?: RedisProgram
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
  const { ingests: ingestCount = 1, dispatchers: dispatcherCount = 1, statuses: statusCount = 1, settings = {}, settingsOf } = options
  const folder = await mkdtemp(join(tmpdir(), 'tidings-test-'))
  endings.push(() => rm(folder, { recursive: true, force: true }))
  const database = join(folder, 'tidings.db')
  const server = await options.openDatabase?.()
  endings.push(async () => server?.stop())
  const databaseUrl = server?.url ?? `sqlite:${database}`
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
  const ingests: ServiceProcess[] = []
  const dispatchers: ServiceProcess[] = []
  const statuses: ServiceProcess[] = []
  const addDispatcher = () => started('dispatcher', dispatchers)
  await Promise.all([
    ...Array.from({ length: ingestCount }, () => started('ingest', ingests, { PORT: '0' })),
    ...Array.from({ length: statusCount }, () => started('status', statuses, { PORT: '0' })),
    ...Array.from({ length: dispatcherCount }, addDispatcher),
  ])
  return {
    ingest: ingests[0] as ServiceProcess,
    ingests,
    status: statuses[0] as ServiceProcess,
    statuses,
    dispatchers,
    addDispatcher,
    redis,
    receiver,
    api: createApi({ ingest: inTurn(ingests), status: inTurn(statuses) }, key),
    key,
    storage,
    databaseUrl,
    database,
    folder,
  }
}

/** As a load balancer does it: each request to the next of them. */
function inTurn(processes: ServiceProcess[]): { readonly url: string } {
  let next = 0
  return {
    get url() {
      return processes[next++ % processes.length]?.url ?? ''
    },
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

const allOf = ({ ingests, statuses, dispatchers }: System) => [...ingests, ...statuses, ...dispatchers]

export function showLogs(system: System): void {
  for (const { name, output } of allOf(system)) process.stderr.write(`── ${name} ──\n${output().slice(-3_000)}\n`)
}

/** What the services themselves call faults; none is expected unless a test breaks something. */
export const faultsOf = (system: System): string[] => allOf(system).flatMap((one) => one.faults())
