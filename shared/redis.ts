import type { Socket } from 'node:net'
import { Cluster, Redis as Server, type ClusterOptions, type RedisOptions } from 'ioredis'
import { readRedisUrl, type RedisAddress } from './redis-url.ts'

/** One server, the one that Sentinels name, or a cluster: who uses it sees no difference, as long as keys that belong together share a slot. */
export type Redis = Server | Cluster
export type RedisTarget = { url: string; prefix: string }

type Single = Exclude<RedisAddress, { kind: 'cluster' }>

/** Of a connection to a single server, as ioredis wants it. */
export function redisOptions(url: string): RedisOptions {
  const address = readRedisUrl(url)
  if (address.kind === 'cluster') throw new Error('a cluster is no single server')
  return optionsOf(address)
}

function optionsOf(address: Single): RedisOptions {
  if (address.kind === 'socket') return { path: address.path }
  const common = { ...loginOf(address), ...(address.db > 0 && { db: address.db }) }
  if (address.kind === 'server') return { ...common, host: address.host, port: address.port }
  const { sentinels, master, sentinelPassword, tls } = address
  return {
    ...common,
    sentinels,
    name: master,
    ...(sentinelPassword && { sentinelPassword }),
    ...(tls && { enableTLSForSentinelMode: true, sentinelTLS: {} }),
    sentinelRetryStrategy: pauseMs,
    // A master that hangs closes no connection; without this it would be waited for, although another has taken its place.
    // ioredis has a `failoverDetector` for that, which ends the connection for good when the news comes while it reconnects.
    socketTimeout: silentMs,
  }
}

const loginOf = ({ username, password, tls }: Exclude<RedisAddress, { kind: 'socket' }>): RedisOptions => ({
  ...(username && { username }),
  ...(password && { password }),
  ...(tls && { tls: {} }),
})

/** Longer than any command of ours waits for something to come. */
const silentMs = 15_000

const pauseMs = (times: number) => Math.min(50 * times, 500)

/**
 * For who must not wait: a command either works within a second or fails, and is never repeated behind our back. A
 * timeout means "unknown"; every caller uses ids that make a repetition harmless.
 */
export const failFast: RedisOptions = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  commandTimeout: 1_000,
  retryStrategy: pauseMs,
}

/** For workers and consumers, which have nothing else to do than wait until Redis is back. */
export const waitForever: RedisOptions = {
  maxRetriesPerRequest: null,
  retryStrategy: (times) => pauseMs(times) + Math.floor(Math.random() * 200),
}

/** @param onError connection trouble; it is reported at most once for each outage */
export function connectRedis(target: RedisTarget, options: RedisOptions, onError: (error: Error) => void): Redis {
  const address = readRedisUrl(target.url)
  const redis =
    address.kind === 'cluster'
      ? new Cluster(address.nodes, clusterOptions(address, options))
      : new Server({ ...optionsOf(address), ...options })
  const servers = (each: (server: Server) => void) => (redis instanceof Cluster ? redis.on('+node', each) : each(redis))
  servers((server) => server.on('connect', () => sendTogether(server.stream as Socket)))
  watchErrors(redis, onError)
  return redis
}

/** What is written in one turn leaves as one packet, and each command still has an answer of its own. */
function sendTogether(socket: Socket): void {
  const write = socket.write
  let isCorked = false
  const uncork = () => {
    isCorked = false
    socket.uncork()
  }
  socket.write = ((...args: Parameters<Socket['write']>) => {
    if (!isCorked) {
      isCorked = true
      socket.cork()
      setImmediate(uncork)
    }
    return write.apply(socket, args)
  }) as Socket['write']
}

/** Longer than a replica needs to take the place of its master. */
const topologyEveryMs = 5_000

/**
 * The same promises as to a single server: who waits, waits for a failover too; who does not, gets an error within the
 * second.
 */
function clusterOptions(address: Extract<RedisAddress, { kind: 'cluster' }>, options: RedisOptions): ClusterOptions {
  const { enableOfflineQueue, retryStrategy, ...ofEachNode } = options
  const waits = options.maxRetriesPerRequest === null
  return {
    redisOptions: { ...loginOf(address), ...ofEachNode },
    enableOfflineQueue,
    clusterRetryStrategy: retryStrategy as ClusterOptions['clusterRetryStrategy'],
    ...(waits && { maxRedirections: Number.POSITIVE_INFINITY }),
    // a master that hangs closes no connection, and what was sent to it would wait for ever
    slotsRefreshInterval: topologyEveryMs,
    // certificates are made out to names
    ...(address.tls && { dnsLookup: (name, callback) => callback(null, name) }),
  }
}

/** What each server that takes writes says of its memory; one that does not answer is left out. */
export async function askMemory(redis: Redis): Promise<string[]> {
  const servers = redis instanceof Cluster ? redis.nodes('master') : [redis]
  const told = await Promise.allSettled(servers.map((server) => server.info('memory')))
  return told.flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
}

/** Which run of which server this is: another one after a restart or a failover. Undefined where it does not say, and of a cluster. */
export async function askRun(redis: Redis): Promise<string | undefined> {
  return redis instanceof Cluster ? undefined : /^run_id:(\w+)/m.exec(await redis.info('server'))?.[1]
}

/** An emitter without an `error` listener would end the process; one that reports each retry would flood the log. */
export function watchErrors(redis: Pick<Redis, 'on'>, onError: (error: Error) => void): void {
  let reported = false
  redis.on('error', (error: Error) => {
    if (!reported) onError(error)
    reported = true
  })
  redis.on('ready', () => {
    reported = false
  })
}

const answerMs = 500

/** `ok`, or what is wrong: one that hangs keeps its connections, and is as far away as one that is gone. */
export async function askRedis(redis: Redis): Promise<string> {
  if (redis.status !== 'ready') return `the connection is ${redis.status}`
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer within ${answerMs} ms`), answerMs)
  })
  const answer = redis.ping().then(() => 'ok', String)
  return Promise.race([answer, late]).finally(() => clearTimeout(timer))
}

/** Resolves when the connection can be used, or after a moment: Redis being away is no reason not to start. */
export async function whenReady(redis: Redis, waitMs = 2_000): Promise<void> {
  if (redis.status === 'ready') return
  const ready = new Promise<void>((resolve) => redis.once('ready', () => resolve()))
  await Promise.race([ready, new Promise<void>((resolve) => setTimeout(resolve, waitMs).unref())])
}

/**
 * A Redis that drops keys when it is full would take jobs away unseen (BullMQ needs `noeviction`): such a one is not
 * worked with. One that does not say is believed, as is one that is away.
 */
export async function requireNoEviction(redis: Redis): Promise<void> {
  for (const memory of await askMemory(redis)) {
    const policy = /^maxmemory_policy:(\S+)/m.exec(memory)?.[1] ?? 'noeviction'
    const limit = Number(/^maxmemory:(\d+)/m.exec(memory)?.[1] ?? 0)
    if (limit > 0 && policy !== 'noeviction') throw dropsKeys(policy)
  }
}

const dropsKeys = (policy: string) =>
  new Error(
    `this Redis drops what it was given when it is full (maxmemory-policy ${policy}); set it to noeviction, and start again: redis-cli config set maxmemory-policy noeviction`,
  )
