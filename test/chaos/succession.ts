import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { ask } from '../../infra/redis/ask.ts'
import { startServer } from '../../infra/redis/server.ts'
import { freePort } from '../support/free-port.ts'
import { realRedis } from '../support/redis.ts'
import { isCluster, type TestCluster } from '../support/redis-cluster.ts'
import { startProxy } from './proxy.ts'
import type { World } from './world.ts'

/** A replica that knows less than its master knew. */
type Replica = {
  /** Resolves when it is so much behind. @returns since when nothing has come to it */
  behind(): Promise<number>
  promote(): Promise<void>
  stop(): Promise<void>
}

/** How another server takes the place of the one that is worked with. */
export type Succession = {
  /** It takes no more writes, as one that has just been made a replica. */
  demote(ms: number): Promise<void>
  /** One that is so much behind: when it is promoted, what was written in that time is gone. */
  startReplica(lagMs: number): Promise<Replica>
}

export const successionOf = (world: World): Succession => {
  const { redis } = world.system
  return isCluster(redis) ? ofCluster(redis) : ofServer(world)
}

/** A single server, to which all ways lead through links that we can turn. */
const ofServer = (world: World): Succession => ({
  async demote(ms) {
    await world.system.redis.ask('REPLICAOF', '127.0.0.1', '1')
    await pause(ms)
    await world.system.redis.ask('REPLICAOF', 'NO', 'ONE')
  },
  startReplica: (lagMs) => startReplica(world, lagMs),
})

async function startReplica(world: World, lagMs: number): Promise<Replica> {
  const { system, links } = world
  const looked = await realRedis()
  if (!('program' in looked)) throw new Error(looked.reason)
  const folder = await mkdtemp(join(tmpdir(), 'tidings-replica-'))
  const place = { folder: join(folder, 'queue'), socket: join(folder, 'redis.sock') }
  const replica = await startServer(looked.program, place)
  const port = await freePort()
  await system.redis.ask('CONFIG', 'SET', 'port', String(port))
  const link = await startProxy({ host: '127.0.0.1', port })
  await ask(place.socket, ['REPLICAOF', '127.0.0.1', String(link.port)])
  while (!(await ask(place.socket, ['INFO', 'replication'])).includes('master_link_status:up')) await pause(50)
  link.impose({ kind: 'latency', ms: lagMs })
  return {
    behind: async () => Date.now() - lagMs,
    async promote() {
      // cut off first: what is still on its way never arrives
      await link.stop()
      await ask(place.socket, ['REPLICAOF', 'NO', 'ONE'])
      for (const to of links.values()) to.lead({ path: place.socket })
      world.askRedis = (...command) => ask(place.socket, command)
      await system.redis.kill()
    },
    async stop() {
      await replica.kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** The third of a cluster that also holds what there is once: the cluster itself finds who comes next. */
function ofCluster(cluster: TestCluster): Succession {
  const third = cluster.thirdOf('tidings')
  return {
    async demote(ms) {
      await cluster.changePlaces(third)
      await pause(ms)
    },
    startReplica: async (lagMs) => ({
      async behind() {
        const since = Date.now()
        await cluster.cutOff(third)
        await pause(lagMs)
        return since
      },
      promote: () => cluster.failOver(third),
      stop: async () => {},
    }),
  }
}
