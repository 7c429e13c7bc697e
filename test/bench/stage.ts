import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Deployment } from '../support/deployments.ts'
import { startService, type ServiceName, type ServiceProcess } from '../support/processes.ts'
import { openBacklog, type Backlog } from './backlog.ts'
import { openEngines, type Engines } from './engines.ts'
import { createTidings, type Tidings } from './tidings.ts'
import type { Processes } from './usage.ts'

/** All of Tidings in processes of its own, as `npm run ingest`, `status` and `dispatcher` start them, with nothing left out. */
export type Stage = {
  tidings: Tidings
  /** One server for bare to work with. */
  redisServer: Engines['redisServer']
  backlog: Backlog
  ingest: ServiceProcess
  status: ServiceProcess
  dispatchers: ServiceProcess[]
  addDispatcher(): Promise<ServiceProcess>
  /** All of Tidings, with what it stands on. */
  processes(): Processes[]
  /** Entries of the stream that status has not recorded yet. */
  unrecorded(): Promise<number>
  stop(): Promise<void>
}
export type StageOptions = {
  /** The small one where nothing is said. */
  deployment?: Deployment
  /** Instead of as many as the deployment has. */
  dispatchers?: number
  settings?: Record<string, string>
  execArgv?: (service: string) => string[]
  /** Fills the SQLite file before anything opens it. */
  prepare?: (file: string) => Promise<void>
}

export async function openStage(options: StageOptions = {}): Promise<Stage> {
  const ends: (() => unknown)[] = []
  const stop = async () => {
    for (let end = ends.pop(); end; end = ends.pop()) await end()
  }
  try {
    return { ...(await start(options, ends)), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function start(options: StageOptions, ends: (() => unknown)[]): Promise<Omit<Stage, 'stop'>> {
  const { deployment = {}, dispatchers: count = deployment.dispatchers ?? 1, execArgv, prepare } = options
  const folder = await mkdtemp(join(tmpdir(), 'tidings-bench-'))
  ends.push(() => rm(folder, { recursive: true, force: true }))
  const engines = await openEngines(deployment, folder, ends, prepare)
  const settings: Record<string, string> = { ...deployment.settings, ...options.settings }
  const env = {
    REDIS_URL: engines.redisUrl,
    DATABASE_URL: engines.databaseUrl,
    MASTER_KEY: randomBytes(32).toString('base64'),
    ALLOWED_ADDRESSES: '127.0.0.0/8',
    // as `npm start` sets it
    LOG_LEVEL: 'warn',
    ...settings,
  }
  const all: Record<ServiceName, ServiceProcess[]> = { ingest: [], status: [], dispatcher: [] }
  const add = async (service: ServiceName) => {
    const one = await startService(service, { ...env, ...(service !== 'dispatcher' && { PORT: '0' }) }, undefined, execArgv?.(service))
    ends.push(() => one.stop())
    all[service].push(one)
    return one
  }
  // the first process makes the database, where it is a file, and this status prints the admin key
  const status = await add('status')
  const ingest = await add('ingest')
  for (let n = 1; n < (deployment.statuses ?? 1); n++) await add('status')
  for (let n = 1; n < (deployment.ingests ?? 1); n++) await add('ingest')
  for (let n = 0; n < count; n++) await add('dispatcher')

  const backlog = openBacklog(engines.redisUrl, Number(settings['DELIVERY_SHARDS'] ?? 1))
  ends.push(() => backlog.close())
  return {
    tidings: createTidings({ ingests: all.ingest, status, backlog }),
    redisServer: engines.redisServer,
    backlog,
    ingest,
    status,
    dispatchers: all.dispatcher,
    addDispatcher: () => add('dispatcher'),
    processes: () => [...engines.processes, ...Object.entries(all).map(([name, list]) => ({ name, pids: list.map(({ pid }) => pid) }))],
    unrecorded: () => backlog.unrecorded(),
  }
}
