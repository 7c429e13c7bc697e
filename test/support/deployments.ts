import { createDatabase } from './postgres.ts'
import { hasRealPostgres, realPostgres } from './real-postgres.ts'
import { realRedis, type TestRedis } from './redis.ts'
import { startTestCluster } from './redis-cluster.ts'

/** `small`: SQLite and one Redis, one of each service. `scale`: Postgres and a cluster of Redis, several of each. */
export const deploymentNames = ['small', 'scale'] as const
export type DeploymentName = (typeof deploymentNames)[number]

export type TestDatabase = {
  url: string
  /** Of the server's first process; undefined where the server was there before us. */
  pid: number | undefined
  stop(): Promise<void>
}

/** What a Tidings stands on, and how many of each service there are. What is not said is that of the small one, or left to who starts it. */
export type Deployment = {
  ingests?: number
  dispatchers?: number
  statuses?: number
  settings?: Record<string, string>
  /** Instead of a SQLite file. */
  openDatabase?: () => Promise<TestDatabase>
  /** Instead of a single server. */
  startRedis?: () => Promise<TestRedis>
}

/** What a deployment needs is not here; the message says what to install or set. */
export class MissingEngine extends Error {}

/** Two for each master, as README advises. */
const shards = 6

/** @param durable Postgres waits for its disk, as it has to where it is measured */
export async function findDeployment(name: DeploymentName, { durable = false } = {}): Promise<Deployment> {
  if (name === 'small') return {}
  if (!hasRealPostgres) {
    throw new MissingEngine(
      'the scale deployment needs a Postgres server: install one (Debian: apt-get install postgresql), or name one that may make databases in TEST_POSTGRES_URL=postgres://user:password@host/database',
    )
  }
  return { ingests: 2, dispatchers: 4, statuses: 2, openDatabase: () => ownDatabase(durable), ...(await onCluster()) }
}

/** A cluster of Redis under whatever else there is. */
export async function onCluster(): Promise<Pick<Deployment, 'startRedis' | 'settings'>> {
  const looked = await realRedis()
  if (!('program' in looked)) {
    throw new MissingEngine(
      `a cluster can only be made of a real Redis, so redis-server or valkey-server must be on PATH: ${looked.reason}`,
    )
  }
  return { startRedis: () => startTestCluster(looked.program), settings: { DELIVERY_SHARDS: String(shards) } }
}

async function ownDatabase(durable: boolean): Promise<TestDatabase> {
  const server = await realPostgres({ durable })
  try {
    const { url, drop } = await createDatabase(server.url)
    const stop = async () => {
      await drop()
      await server.stop()
    }
    return { url, pid: server.pid, stop }
  } catch (error) {
    await server.stop()
    throw error
  }
}
