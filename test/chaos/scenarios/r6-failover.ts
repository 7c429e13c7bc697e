import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { ask } from '../../../infra/redis/ask.ts'
import { startServer } from '../../../infra/redis/server.ts'
import { realRedis } from '../../support/redis.ts'
import { steady } from '../behaviours.ts'
import { figuresOf, nothingLost } from '../goals.ts'
import { startProxy } from '../proxy.ts'
import { atMost, none, type Scenario, type Stage, type Verdict } from '../scenario.ts'
import { withWorld, type World } from '../world.ts'

const concurrency = 10
const dispatchers = 2
const lagMs = 1_000

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** The server goes on answering and takes no writes, as one that has just been made a replica. */
async function readonly({ system: { redis } }: World, ms: number): Promise<void> {
  await redis.ask('REPLICAOF', '127.0.0.1', '1')
  await pause(ms)
  await redis.ask('REPLICAOF', 'NO', 'ONE')
}

type Replica = { promote(): Promise<void>; stop(): Promise<void> }

/** A replica that is a second behind, which takes the place of the server: what was written in that second is gone. */
async function startReplica(world: World): Promise<Replica> {
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

async function run({ seconds, random, say }: Stage): Promise<Verdict> {
  const looked = await realRedis()
  if (!('program' in looked)) return { goals: [], figures: {}, skipped: `only a real Redis can be replicated: ${looked.reason}` }
  const settings = { CONCURRENCY: String(concurrency), LOG_LEVEL: 'error' }
  const options = { dispatchers, links: true, settings, random, sinks: { steady: steady(random), slow: steady(random, 100, 200) } }
  return withWorld(options, async (world) => {
    const client = world.publish({ perSecond: 50 })
    await pause(3_000)
    const flipped = world.sinks.underWay()
    world.note('redis', 'READONLY')
    await readonly(world, Math.max(2_000, (seconds * 1_000) / 6))
    say('READONLY is over')
    const replica = await startReplica(world)
    try {
      await pause(Math.max(4_000, (seconds * 1_000) / 6))
      const promoted = world.sinks.underWay()
      const lately = world.sinks.answeredSince(Date.now() - lagMs)
      world.note('redis', 'replica promoted')
      await replica.promote()
      say(`a replica that is ${lagMs / 1_000} s behind has taken over`)
      await pause(Math.max(4_000, (seconds * 1_000) / 6))
      await client.stop()
      const drainedMs = await world.settle(90_000)
      const found = await world.check(client)
      return {
        goals: [
          ...nothingLost(found),
          atMost(
            'extra requests: those in flight, and answered in the second that was lost',
            found.duplicated,
            flipped + promoted + lately,
          ),
          none('processes that ended by themselves', world.crashes().length),
        ],
        figures: { ...figuresOf(found), flipped, promoted, lately, drainedMs: drainedMs === undefined ? null : Math.round(drainedMs) },
      }
    } finally {
      await replica.stop()
    }
  })
}

export const failover: Scenario = {
  name: 'R6',
  title: 'failover: READONLY, and a replica that is a second behind',
  seconds: 40,
  run,
}
