import { setTimeout as pause } from 'node:timers/promises'
import { join } from 'node:path'
import type { Random } from '../../infra/demo/random.ts'
import { shardPrefixes } from '../../shared/shards.ts'
import { keys } from '../../shared/transport.ts'
import type { ServiceProcess } from '../support/processes.ts'
import { startSystem, type System, type SystemOptions } from '../support/system.ts'
import { check, type Findings as Compared } from './check.ts'
import { startClient, type Client, type ClientOptions } from './client.ts'
import { openDoors } from './doors.ts'
import { openLog, type LogReader } from './log.ts'
import { startProxy, type Proxy } from './proxy.ts'
import { startSinks, type Behaviour, type Sinks } from './sinks.ts'

export type Strike = { at: number; on: string; how: string }

/** What the witnesses say; how many events do not add up in Tidings' own ledger; outcomes that the log has put aside. */
export type Findings = Compared & { unbalanced: number; aside: number }

/** Tidings in processes of its own, the client and the sinks that are its witnesses, and the means to do it harm. */
export type World = {
  system: System
  sinks: Sinks
  log: LogReader
  /** The server that is worked with; a scenario in which another takes its place says so here. */
  askRedis(...command: string[]): Promise<string>
  webhooks: Map<string, string>
  /** The process's own way to Redis, by its name; there only when asked for. */
  links: Map<string, Proxy>
  /** All services by name: `ingest-1`, `status-1`, `dispatcher-1`, … */
  processes: Map<string, ServiceProcess>
  /** When something was done to whom, in order. */
  strikes: Strike[]
  /** When an ingest could not answer, from when to when. */
  outages: { from: number; to: number }[]
  note(on: string, how: string): void
  /** As a process that hangs, or whose machine does. */
  freeze(name: string): void
  thaw(name: string): void
  /** Kill -9, and a new start after that time. */
  killAndStart(name: string, downMs: number): Promise<void>
  publish(options: Pick<ClientOptions, 'perSecond'> & Partial<ClientOptions>): Client
  /** Waits until nothing is open. @returns how long that took, undefined when it did not come to that */
  settle(withinMs: number): Promise<number | undefined>
  check(...clients: Client[]): Promise<Findings>
  /** Processes that ended although nobody struck them. */
  crashes(): string[]
}

export type WorldOptions = Omit<SystemOptions, 'settingsOf'> & {
  random: Random
  /** What sinks there are; each gets every event. */
  sinks: Record<string, Behaviour>
  /** Members of all webhooks, beside the URL. */
  webhook?: Record<string, unknown>
  /** Deliveries that may be open before the client waits for them. */
  mostBehind?: number
  /** A link that can be disturbed between each process and Redis. */
  links?: boolean
  /** Further settings of one process. */
  settingsOf?: (name: string) => Record<string, string>
}

const mostBehind = 1_500

/** Starts a world for one scenario, and ends it whatever happens. */
export async function withWorld<T>(options: WorldOptions, body: (world: World) => Promise<T>): Promise<T> {
  const links = new Map<string, Proxy>()
  const endings: (() => unknown)[] = []
  try {
    const system = await startSystem({
      ...options,
      async settingsOf(name, redis) {
        const own = options.settingsOf?.(name) ?? {}
        if (!options.links) return own
        const link = await startProxy({ path: redis.url.replace('unix://', '') })
        endings.push(() => link.stop())
        links.set(name, link)
        return { REDIS_URL: `redis://127.0.0.1:${link.port}`, ...own }
      },
    })
    endings.push(() => system.stop())
    const sinks = await startSinks(join(system.folder, 'truth.jsonl'))
    endings.push(() => sinks.stop())
    const log = await openLog(system.databaseUrl)
    endings.push(() => log.close())
    const world = await createWorld(options, { system, sinks, log, links })
    return await body(world)
  } finally {
    for (const end of endings.reverse()) await end()
  }
}

type Parts = Pick<World, 'system' | 'sinks' | 'log' | 'links'>

async function createWorld(options: WorldOptions, parts: Parts): Promise<World> {
  const { system, sinks, log } = parts
  const doors = await openDoors(system)
  const webhooks = await openSinks(options, parts)
  const processes = new Map<string, ServiceProcess>()
  const services = { ingest: system.ingests, status: system.statuses, dispatcher: system.dispatchers }
  for (const [name, list] of Object.entries(services)) for (const [i, process] of list.entries()) processes.set(`${name}-${i + 1}`, process)
  const crashed: string[] = []
  const strikes: Strike[] = []
  const outages: World['outages'] = []
  const note = (on: string, how: string) => void strikes.push({ at: Date.now(), on, how })

  async function killAndStart(name: string, downMs: number): Promise<void> {
    const outage = { from: Date.now(), to: Number.POSITIVE_INFINITY }
    if (name.startsWith('ingest')) outages.push(outage)
    note(name, 'kill -9')
    const struck = processes.get(name)
    if (struck && !struck.alive) crashed.push(name)
    await (name === 'redis' ? system.redis : struck)?.kill()
    await pause(downMs)
    await (name === 'redis' ? system.redis.restart() : struck?.start())
    outage.to = Date.now()
  }

  function signal(name: string, how: 'SIGSTOP' | 'SIGCONT'): void {
    note(name, how)
    process.kill(name === 'redis' ? system.redis.pid : (processes.get(name)?.pid ?? 0), how)
  }

  const world: World = {
    ...parts,
    askRedis: (...command) => system.redis.ask(...command),
    webhooks,
    processes,
    strikes,
    outages,
    note,
    killAndStart,
    freeze: (name) => signal(name, 'SIGSTOP'),
    thaw: (name) => signal(name, 'SIGCONT'),
    publish(given) {
      const [before, sinksOfEach] = [sinks.count(), webhooks.size]
      const hold = (accepted: number) => accepted * sinksOfEach - (sinks.count() - before) > (options.mostBehind ?? mostBehind)
      let next = 0
      const origin = () => system.ingests[next++ % system.ingests.length]?.url ?? ''
      return startClient({ origin, doors, random: options.random, hold, ...given })
    },
    settle: (withinMs) => settle(log, withinMs),
    async check(...clients) {
      const sent = clients.flatMap((client) => client.sent)
      const { unbalanced } = await system.api.steer<{ unbalanced: number }>(200, 'GET', '/ledger')
      const prefixes = shardPrefixes('{tidings}', Number(options.settings?.['DELIVERY_SHARDS'] ?? 1))
      const refused = await Promise.all(prefixes.map((prefix) => world.askRedis('XLEN', `${keys(prefix).outcomes}:refused`)))
      const aside = refused.reduce((sum, length) => sum + Number(length), 0)
      return { ...check({ sent, posts: sinks.truth(), log: await log.read(), webhooks }), unbalanced, aside }
    },
    crashes: () => [...crashed, ...[...processes].filter(([, process]) => !process.alive).map(([name]) => name)],
  }
  return world
}

async function openSinks({ sinks: wanted, webhook = {} }: WorldOptions, { system, sinks }: Parts): Promise<Map<string, string>> {
  const webhooks = new Map<string, string>()
  for (const [name, behave] of Object.entries(wanted)) {
    const sink = sinks.add(name, behave)
    const { id, secret } = await system.api.createWebhook({ url: sink.url, label: name, ...webhook })
    sink.sign(secret)
    await system.api.subscribe(id, '*')
    webhooks.set(name, id)
  }
  return webhooks
}

async function settle(log: LogReader, withinMs: number): Promise<number | undefined> {
  const startedAt = performance.now()
  while ((await log.open()) > 0) {
    if (performance.now() - startedAt > withinMs) return undefined
    await pause(100)
  }
  return performance.now() - startedAt
}
