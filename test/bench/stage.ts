import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findRedis } from '../../infra/redis/find.ts'
import { openQueue, type DeliveryQueue } from '../../shared/queue.ts'
import { connectRedis, waitForever, type Redis } from '../../shared/redis.ts'
import { keys } from '../../shared/transport.ts'
import { startService, type ServiceProcess } from '../support/processes.ts'
import { createTidings, type Tidings } from './tidings.ts'

/** All of Tidings in processes of its own, as `npm run ingest`, `status` and `dispatcher` start them, with nothing left out. */
export type Stage = {
  tidings: Tidings
  redis: Redis
  redisUrl: string
  redisPid: number
  queue: DeliveryQueue['bull']
  ingest: ServiceProcess
  status: ServiceProcess
  dispatchers: ServiceProcess[]
  addDispatcher(): Promise<ServiceProcess>
  /** Bytes of Redis, INFO's `used_memory`. */
  usedMemory(): Promise<number>
  /** All processes of Tidings, Redis among them. */
  pids(): number[]
  /** Outcomes that status has not recorded yet. */
  unrecorded(): Promise<number>
  stop(): Promise<void>
}
export type StageOptions = {
  dispatchers?: number
  settings?: Record<string, string>
  execArgv?: (service: string) => string[]
  /** Fills the database before anything opens it. */
  prepare?: (file: string) => Promise<void>
}

const prefix = '{tidings}'

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

async function start(
  { dispatchers: count = 1, settings = {}, execArgv, prepare }: StageOptions,
  ends: (() => unknown)[],
): Promise<Omit<Stage, 'stop'>> {
  const folder = await mkdtemp(join(tmpdir(), 'tidings-bench-'))
  ends.push(() => rm(folder, { recursive: true, force: true }))
  const database = join(folder, 'tidings.db')
  await prepare?.(database)
  const { REDIS_URL: _given, ...env } = process.env
  const found = await findRedis({ env, folder: join(folder, 'redis'), say: () => {} })
  ends.push(() => found.stop())
  const serviceEnv = {
    REDIS_URL: found.url,
    DATABASE_URL: `sqlite:${database}`,
    MASTER_KEY: randomBytes(32).toString('base64'),
    ALLOWED_ADDRESSES: '127.0.0.0/8',
    // as `npm start` sets it
    LOG_LEVEL: 'warn',
    ...settings,
  }
  const started = async (service: 'ingest' | 'status' | 'dispatcher', more: Record<string, string> = {}) => {
    const one = await startService(service, { ...serviceEnv, ...more }, undefined, execArgv?.(service))
    ends.push(() => one.stop())
    return one
  }
  // the first process makes the database, and status prints the admin key
  const status = await started('status', { PORT: '0' })
  const ingest = await started('ingest', { PORT: '0' })
  const dispatchers: ServiceProcess[] = []
  const addDispatcher = async () => {
    const dispatcher = await started('dispatcher')
    dispatchers.push(dispatcher)
    return dispatcher
  }
  for (let n = 0; n < count; n++) await addDispatcher()

  const redis = connectRedis({ url: found.url, prefix }, waitForever, () => {})
  ends.push(() => redis.disconnect())
  const queue = openQueue({ url: found.url, prefix }, () => {})
  ends.push(() => queue.close())
  const tidings = createTidings({ ingest, status, queue: queue.bull })
  const info = async (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(await redis.info())?.[1])
  const redisPid = await info('process_id')
  return {
    tidings,
    redis,
    redisUrl: found.url,
    redisPid,
    queue: queue.bull,
    ingest,
    status,
    dispatchers,
    addDispatcher,
    usedMemory: () => info('used_memory'),
    pids: () => [redisPid, ...[ingest, status, ...dispatchers].map(({ pid }) => pid)],
    unrecorded: () => redis.xlen(keys(prefix).outcomes),
  }
}
