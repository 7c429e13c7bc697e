import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ask } from '../../infra/redis/ask.ts'
import { startServer, type Place, type RedisProgram, type RunningServer } from '../../infra/redis/server.ts'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'
import type { TestRedis } from './redis.ts'

type Node = { port: number; place: Place; server?: RunningServer | undefined }

const silentMs = 2_000
const within = 60_000

/** A master, its replica, and a Sentinel that alone decides when one takes the place of the other. */
export async function startTestSentinel(program: RedisProgram): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'tidings-sentinel-'))
  const nodes = [await nodeIn(folder, 'one'), await nodeIn(folder, 'two')] as const
  const sentinel = await nodeIn(folder, 'sentinel')
  let struck: Node | undefined

  const start = async (node: Node) => {
    node.server = await startServer(onPort(program, node), node.place)
  }
  const masterOf = () =>
    eventually(async () => {
      for (const node of nodes) if (node.server && (await replicationOf(node)).includes('role:master')) return node
      throw new Error('none of the two is the master')
    }, within)
  /** The Sentinel, too, has to know of the replica before it can do anything. */
  const untilWhole = () =>
    eventually(async () => {
      const found = await Promise.all(nodes.map(replicationOf))
      if (!found.some((text) => text.includes('master_link_status:up'))) throw new Error('no replica follows the master')
      const watched = await ask(sentinel.place.socket, ['INFO', 'sentinel'])
      if (!/status=ok,address=[\d.:]+,slaves=1/.test(watched)) throw new Error(`the Sentinel does not know both: ${watched}`)
    }, within)

  for (const node of nodes) await start(node)
  await ask(nodes[1].place.socket, ['REPLICAOF', '127.0.0.1', String(nodes[0].port)])
  sentinel.server = await startServer(await watching(program, sentinel, nodes[0]), sentinel.place)
  await untilWhole()

  return {
    url: `redis+sentinel://127.0.0.1:${sentinel.port}/tidings`,
    kind: program.kind,
    folder,
    get pid() {
      return nodes.find(({ server }) => server)?.server?.pid ?? 0
    },
    ask: async (...command) => ask((await masterOf()).place.socket, command),
    async kill() {
      struck = await masterOf()
      await struck.server?.kill()
      struck.server = undefined
    },
    /** After the other has taken over: comes back as its replica. */
    async restart() {
      await masterOf()
      await start(struck as Node)
      await untilWhole()
    },
    flush: async () => void (await ask((await masterOf()).place.socket, ['FLUSHALL'])),
    async loseFiles() {
      await killAll(nodes)
      await Promise.all(nodes.map(({ place }) => rm(place.folder, { recursive: true, force: true })))
      for (const node of nodes) await start(node)
      await untilWhole()
    },
    async stop() {
      await killAll([sentinel, ...nodes])
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const nodeIn = async (folder: string, name: string): Promise<Node> => ({
  port: await freePort(),
  place: { folder: join(folder, name), socket: join(folder, `${name}.sock`) },
})

const killAll = (nodes: readonly Node[]) => Promise.all(nodes.map(async ({ server }) => server?.kill()))

const replicationOf = ({ place }: Node) => ask(place.socket, ['INFO', 'replication']).catch(() => '')

const onPort = (program: RedisProgram, { port }: Node): RedisProgram => ({
  ...program,
  args: (place) => [...program.args(place), '--port', String(port), '--bind', '127.0.0.1'],
})

/** A Sentinel writes what it learns into its own file of settings. */
async function watching(program: RedisProgram, { port, place }: Node, master: Node): Promise<RedisProgram> {
  const file = `${place.folder}.conf`
  const settings = [
    `port ${port}`,
    'bind 127.0.0.1',
    `unixsocket ${place.socket}`,
    `sentinel monitor tidings 127.0.0.1 ${master.port} 1`,
    `sentinel down-after-milliseconds tidings ${silentMs}`,
    'sentinel failover-timeout tidings 10000',
  ]
  await writeFile(file, `${settings.join('\n')}\n`)
  return { ...program, args: () => [file, '--sentinel'] }
}
