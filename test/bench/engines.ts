import { join } from 'node:path'
import { ask } from '../../infra/redis/ask.ts'
import { findRedis } from '../../infra/redis/find.ts'
import { openStorage } from '../../shared/storage/open.ts'
import type { Deployment } from '../support/deployments.ts'
import { startTestRedis, type TestRedis } from '../support/redis.ts'
import { isCluster } from '../support/redis-cluster.ts'
import type { Processes } from './usage.ts'

/** What the services stand on, and how to end it. */
export type Engines = {
  databaseUrl: string
  redisUrl: string
  /** One server for bare to work with: that of Tidings, or where there is a cluster one beside it. */
  redisServer: Pick<TestRedis, 'url' | 'pid' | 'ask'>
  /** Those of the engines. */
  processes: Processes[]
}

/** @param prepare fills the file of SQLite before anything opens it */
export async function openEngines(
  { openDatabase, startRedis }: Deployment,
  folder: string,
  ends: (() => unknown)[],
  prepare?: (file: string) => Promise<void>,
): Promise<Engines> {
  const database = await (openDatabase ? onServer(openDatabase, ends) : inFile(join(folder, 'tidings.db'), prepare))
  const redis = await (startRedis ? onCluster(startRedis, ends) : asWithStart(folder, ends))
  return { ...redis, databaseUrl: database.url, processes: [...redis.processes, ...database.processes] }
}

async function inFile(file: string, prepare?: (file: string) => Promise<void>) {
  await prepare?.(file)
  // its work is done in the processes of the services
  return { url: `sqlite:${file}`, processes: [] }
}

async function onServer(open: NonNullable<Deployment['openDatabase']>, ends: (() => unknown)[]) {
  const { url, pid, stop } = await open()
  ends.push(stop)
  // as `npm run migrate` does it: no service changes a schema of Postgres
  await (await openStorage(url)).close()
  const own = { name: 'Postgres', pids: pid === undefined ? [] : [pid], withChildren: true }
  return { url, processes: [pid === undefined ? { ...own, name: 'Postgres (not ours, not counted)' } : own] }
}

/** The one that `npm start` would take. */
async function asWithStart(folder: string, ends: (() => unknown)[]) {
  const { REDIS_URL: _given, ...env } = process.env
  const found = await findRedis({ env, folder: join(folder, 'redis'), say: () => {} })
  ends.push(() => found.stop())
  const askIt = (...command: string[]) => ask(found.url.replace('unix://', ''), command)
  const pid = Number(/^process_id:(\d+)/m.exec(await askIt('INFO', 'server'))?.[1])
  return { redisUrl: found.url, redisServer: { url: found.url, pid, ask: askIt }, processes: [{ name: 'Redis', pids: [pid] }] }
}

async function onCluster(start: () => Promise<TestRedis>, ends: (() => unknown)[]) {
  const redis = await start()
  ends.push(() => redis.stop())
  const beside = await startTestRedis()
  ends.push(() => beside.stop())
  const pids = isCluster(redis) ? redis.pids() : [redis.pid]
  return { redisUrl: redis.url, redisServer: beside, processes: [{ name: 'Redis', pids }] }
}
