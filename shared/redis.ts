import { Redis, type RedisOptions } from 'ioredis'

export type RedisTarget = { url: string; prefix: string }

/** `redis://` and `rediss://` as they are; `unix:///path.sock` as ioredis wants it. */
export function redisOptions(url: string): RedisOptions {
  if (url.startsWith('unix:')) return { path: url.replace(/^unix:(\/\/)?/, '') }
  const { hostname, port, username, password, pathname, protocol } = new URL(url)
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port ? Number(port) : 6379,
    ...(username && { username: decodeURIComponent(username) }),
    ...(password && { password: decodeURIComponent(password) }),
    ...(pathname.length > 1 && { db: Number(pathname.slice(1)) }),
    ...(protocol === 'rediss:' && { tls: {} }),
  }
}

/**
 * For who must not wait: a command either works within a second or fails, and is never repeated behind our back. A
 * timeout means "unknown"; every caller uses ids that make a repetition harmless.
 */
export const failFast: RedisOptions = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  commandTimeout: 1_000,
  retryStrategy: (times) => Math.min(50 * times, 500),
}

/** For workers and consumers, which have nothing else to do than wait until Redis is back. */
export const waitForever: RedisOptions = {
  maxRetriesPerRequest: null,
  retryStrategy: (times) => Math.min(50 * times, 500) + Math.floor(Math.random() * 200),
}

/** For who has many commands under way: those of one turn of the event loop leave in one piece. Never the one that blocks. */
export const together: RedisOptions = { enableAutoPipelining: true, autoPipeliningIgnoredCommands: ['bzpopmin'] }

/** @param onError connection trouble; it is reported at most once for each outage */
export function connectRedis(target: RedisTarget, options: RedisOptions, onError: (error: Error) => void): Redis {
  const redis = new Redis({ ...redisOptions(target.url), ...options })
  watchErrors(redis, onError)
  return redis
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
  const memory = await redis.info('memory').catch(() => '')
  const policy = /^maxmemory_policy:(\S+)/m.exec(memory)?.[1] ?? 'noeviction'
  const limit = Number(/^maxmemory:(\d+)/m.exec(memory)?.[1] ?? 0)
  if (limit === 0 || policy === 'noeviction') return
  throw new Error(
    `this Redis drops what it was given when it is full (maxmemory-policy ${policy}); set it to noeviction, and start again: redis-cli config set maxmemory-policy noeviction`,
  )
}
