import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ask } from '../../infra/redis/ask.ts'
import { startServer, type Place, type RedisProgram, type RunningServer } from '../../infra/redis/server.ts'
import { slotOf } from '../../shared/shards.ts'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'
import type { TestRedis } from './redis.ts'

/** A cluster is struck where it hurts: a third of its slots at a time. */
export type TestCluster = TestRedis & {
  /** Of all its servers that run. */
  pids(): number[]
  /** Which third holds the slot of this hash tag. */
  thirdOf(tag: string): number
  /** One command to the master of a third. */
  askThird(third: number, ...command: string[]): Promise<string>
  /** Kills the master of a third, and resolves when its replica has taken over. */
  failOver(third: number): Promise<void>
  /** The two of a third change places in order, as for an update: the master takes no more writes, and loses none. */
  changePlaces(third: number): Promise<void>
  /** The replica of a third hears nothing more of its master, until it takes its place. */
  cutOff(third: number): Promise<void>
}

export const isCluster = (redis: TestRedis): redis is TestCluster => 'failOver' in redis

type Node = { port: number; place: Place; server?: RunningServer | undefined }
type Third = { slots: number[]; nodes: [Node, Node]; struck?: Node | undefined }

const thirds = 3
const slots = 16_384
/** A master that is silent so long has failed. Shorter, and a machine that has other things to do would see failures where there are none. */
const silentMs = 2_000
const within = 60_000
/** Servers of a cluster talk to each other at a port that is so much higher. */
const busAbove = 10_000

/** Three masters with a replica each, of one program, on loopback. */
export async function startTestCluster(program: RedisProgram): Promise<TestCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'tidings-cluster-'))
  const nodes = await Promise.all(Array.from({ length: 2 * thirds }, (_, i) => startNode(program, join(folder, String(i)))))
  const all = Array.from({ length: thirds }, (_, i): Third => {
    const [first, end] = [Math.ceil((i * slots) / thirds), Math.ceil(((i + 1) * slots) / thirds)]
    return { slots: Array.from({ length: end - first }, (__, n) => first + n), nodes: [nodes[i] as Node, nodes[i + thirds] as Node] }
  })
  await form(all)
  let next = 0

  async function kill(third: Third): Promise<void> {
    const master = await masterOf(third)
    third.struck = master
    await master.server?.kill()
    master.server = undefined
  }

  async function start(node: Node): Promise<void> {
    node.server = await startServer(onPort(program, node), node.place)
  }

  /** What was killed comes back as the replica of who has taken its place. */
  async function restart(): Promise<void> {
    for (const third of all.filter(({ struck }) => struck)) {
      await masterOf(third)
      await start(third.struck as Node)
      third.struck = undefined
    }
    await untilWhole(all)
  }

  return {
    url: `redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    kind: program.kind,
    get pid() {
      return nodes.find(({ server }) => server)?.server?.pid ?? 0
    },
    folder,
    pids: () => nodes.flatMap(({ server }) => server?.pid ?? []),
    thirdOf: (tag) => all.findIndex((third) => third.slots.includes(slotOf(tag))),
    async ask(...command) {
      for (const { place } of nodes) {
        const answer = await ask(place.socket, command).catch(() => 'MOVED')
        if (!/^(MOVED|CLUSTERDOWN)/.test(answer)) return answer
      }
      throw new Error(`no server of the cluster answers ${command[0]}`)
    },
    kill: () => kill(all[next++ % thirds] as Third),
    restart,
    askThird: async (third, ...command) => ask((await masterOf(all[third] as Third)).place.socket, command),
    async failOver(third) {
      await kill(all[third] as Third)
      await listen(await masterOf(all[third] as Third))
    },
    async changePlaces(third) {
      const replica = await replicaOf(all[third] as Third)
      await ask(replica.place.socket, ['CLUSTER', 'FAILOVER'])
      await until('the replica is the master', async () => (await replicationOf(replica)).includes('role:master'))
      await untilWhole(all)
    },
    async cutOff(third) {
      const replica = await replicaOf(all[third] as Third)
      // no server here asks for a password: it refuses whoever comes with one
      await ask(replica.place.socket, ['CONFIG', 'SET', 'masterauth', 'wrong'])
      await ask((await masterOf(all[third] as Third)).place.socket, ['CLIENT', 'KILL', 'TYPE', 'replica'])
      await until('the replica is cut off', async () => (await replicationOf(replica)).includes('master_link_status:down'))
    },
    async flush() {
      await Promise.all(all.map(async (third) => ask((await masterOf(third)).place.socket, ['FLUSHALL'])))
    },
    async loseFiles() {
      const third = all[next++ % thirds] as Third
      const master = await masterOf(third)
      // the master comes first again: an empty replica must not take its place meanwhile
      const order = [...third.nodes].sort((a, b) => Number(b === master) - Number(a === master))
      await killAll(order)
      await Promise.all(order.map(({ place }) => rm(join(place.folder, 'appendonlydir'), { recursive: true, force: true })))
      for (const node of order) await start(node)
      await untilWhole(all)
    },
    async stop() {
      await killAll(nodes)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const killAll = (nodes: readonly Node[]) => Promise.all(nodes.map(async ({ server }) => server?.kill()))

const onPort = (program: RedisProgram, { port, place }: Node): RedisProgram => ({
  ...program,
  args: (where) => [
    ...program.args(where),
    ...Object.entries({
      port: String(port),
      bind: '127.0.0.1',
      'cluster-enabled': 'yes',
      'cluster-config-file': join(place.folder, 'nodes.conf'),
      'cluster-node-timeout': String(silentMs),
      'cluster-replica-validity-factor': '0',
    }).flatMap(([name, value]) => [`--${name}`, value]),
  ],
})

async function startNode(program: RedisProgram, folder: string): Promise<Node> {
  const node: Node = { port: await freePort(busAbove), place: { folder, socket: `${folder}.sock` } }
  node.server = await startServer(onPort(program, node), node.place)
  return node
}

async function form(all: Third[]): Promise<void> {
  const nodes = [...all.map(({ nodes: [master] }) => master), ...all.map(({ nodes: [, replica] }) => replica)]
  const say = async ({ place }: Node, ...command: string[]) => {
    const answer = await ask(place.socket, ['CLUSTER', ...command])
    if (answer.startsWith('ERR')) throw new Error(answer)
    return answer
  }
  for (const [i, node] of nodes.entries()) await say(node, 'SET-CONFIG-EPOCH', String(i + 1))
  for (const third of all) await say(third.nodes[0], 'ADDSLOTS', ...third.slots.map(String))
  for (const node of nodes.slice(1)) await say(nodes[0] as Node, 'MEET', '127.0.0.1', String(node.port))
  await until('all know each other', async () => {
    const known = await Promise.all(nodes.map((node) => say(node, 'INFO')))
    return known.every((info) => info.includes(`cluster_known_nodes:${nodes.length}`))
  })
  for (const third of all) await say(third.nodes[1], 'REPLICATE', await say(third.nodes[0], 'MYID'))
  await untilWhole(all)
}

/** The one of the two that takes writes; after a death not before the other has taken over. */
async function masterOf({ nodes }: Third): Promise<Node> {
  let found: Node | undefined
  await until('a third has a master', async () => {
    for (const node of nodes) if (node.server && (await replicationOf(node)).includes('role:master')) found = node
    return found !== undefined
  })
  return found as Node
}

async function replicaOf(third: Third): Promise<Node> {
  const master = await masterOf(third)
  return third.nodes.find((node) => node !== master) as Node
}

/** One that was cut off follows again, should it ever be a replica again. */
const listen = ({ place }: Node) => ask(place.socket, ['CONFIG', 'SET', 'masterauth', ''])

const replicationOf = ({ place }: Node) => ask(place.socket, ['INFO', 'replication']).catch(() => '')

const untilWhole = (all: Third[]) =>
  until('every third has a master and a replica that follows it', async () => {
    const nodes = all.flatMap((third) => third.nodes)
    const states = await Promise.all(nodes.map(({ place }) => ask(place.socket, ['CLUSTER', 'INFO']).catch(() => '')))
    const replications = await Promise.all(nodes.map(replicationOf))
    const following = replications.filter((text) => text.includes('master_link_status:up')).length
    return states.every((text) => text.includes('cluster_state:ok')) && following === all.length
  })

const until = (what: string, holds: () => Promise<boolean>) =>
  eventually(async () => {
    if (!(await holds())) throw new Error(`not so: ${what}`)
  }, within)
