import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { connectRedis, failFast, whenReady, type Redis } from '../../../shared/redis.ts'
import { keys } from '../../../shared/transport.ts'
import { ask } from '../../redis/ask.ts'
import { bundledRedis } from '../../redis/bundled.ts'
import { systemRedis } from '../../redis/system.ts'
import type { Env } from '../common/io.ts'
import { note, ok, withoutPassword, wrong, type Finding } from './check.ts'

export type RedisFindings = {
  findings: Finding[] /** Dispatchers that gave a sign of life lately; undefined: it is not known. */
  dispatchers: number | undefined
}

/** The one that is named, the private one of a Tidings that runs, or the one that a start would take. */
export async function checkRedis(env: Env, dataFolder: string): Promise<RedisFindings> {
  const given = env.REDIS_URL_FILE ? readFileSync(env.REDIS_URL_FILE, 'utf8').trim() : env.REDIS_URL
  const url = given || (await privateRedis(join(dataFolder, 'redis')))
  if (!url) return { findings: [await wouldTake(env, dataFolder)], dispatchers: undefined }
  const redis = connectRedis({ url, prefix: '' }, { ...failFast, connectTimeout: 2_000 }, () => {})
  try {
    await whenReady(redis)
    return await lookAt(redis, given ? withoutPassword(url) : `the private one in ${dataFolder}`, env.REDIS_PREFIX ?? '{tidings}')
  } catch (error) {
    const mend = given ? 'start it, or correct REDIS_URL' : `end what is left of it, and start Tidings again`
    return {
      findings: [wrong('redis', `${withoutPassword(url)} does not answer (${(error as Error).message})`, mend)],
      dispatchers: undefined,
    }
  } finally {
    redis.disconnect()
  }
}

async function privateRedis(folder: string): Promise<string | undefined> {
  const record = join(folder, 'process.json')
  if (!existsSync(record)) return undefined
  const { socket } = JSON.parse(readFileSync(record, 'utf8')) as { socket: string }
  const answer = await ask(socket, ['PING']).catch(() => undefined)
  return answer === undefined ? undefined : `unix://${socket}`
}

async function wouldTake(env: Env, dataFolder: string): Promise<Finding> {
  const installed = await systemRedis(env)
  if ('program' in installed) return ok('redis', `none runs; a start takes ${installed.program.label} (${installed.program.command})`)
  if (existsSync(join(dataFolder, 'redis/debian/root')))
    return ok('redis', "none runs; a start takes Debian's, unpacked into the data folder")
  const bundled = bundledRedis(env)
  if ('program' in bundled)
    return note(
      'redis',
      `none is installed (${installed.reason}); a start unpacks Debian's where it can, or takes the bundled one, whose queue is in memory`,
    )
  return wrong(
    'redis',
    `none is installed (${installed.reason}), and ${bundled.reason}`,
    'apt-get install redis-server, or name one with REDIS_URL',
  )
}

const silentMs = 10_000
const mostSkewMs = 2_000

async function lookAt(redis: Redis, name: string, prefix: string): Promise<RedisFindings> {
  const info = async (section: string) => redis.info(section).catch(() => '')
  const before = Date.now()
  const [seconds, micros] = await redis.time()
  const after = Date.now()
  const now = Number(seconds) * 1_000 + Number(micros) / 1_000
  const [server, memory, persistence] = [await info('server'), await info('memory'), await info('persistence')]
  const fleet = await redis.zcount(keys(prefix).fleet, now - silentMs, '+inf').catch(() => undefined)
  return {
    findings: [versionOf(server, name), evictionOf(memory), persistenceOf(persistence), skewOf(now - (before + after) / 2)],
    dispatchers: fleet,
  }
}

const valueIn = (info: string, field: string) => new RegExp(`^${field}:(\\S+)`, 'm').exec(info)?.[1]

function versionOf(server: string, name: string): Finding {
  const version = valueIn(server, 'valkey_version') ?? valueIn(server, 'redis_version')
  if (!version) return note('redis', `${name} answers, and does not say its version`)
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > 6 || (major === 6 && minor >= 2)) return ok('redis', `${version}, ${name}`)
  return wrong('redis', `${version}, ${name}, is too old`, 'take 6.2 or newer')
}

function evictionOf(memory: string): Finding {
  const policy = valueIn(memory, 'maxmemory_policy')
  const limit = Number(valueIn(memory, 'maxmemory') ?? 0)
  if (!policy) return note('redis memory', 'it does not say its maxmemory-policy; it must be noeviction')
  if (limit === 0 || policy === 'noeviction')
    return ok('redis memory', limit === 0 ? `no limit, ${policy}` : `limit ${limit} bytes, ${policy}`)
  return wrong('redis memory', `maxmemory-policy ${policy} drops jobs when it is full`, 'redis-cli config set maxmemory-policy noeviction')
}

function persistenceOf(persistence: string): Finding {
  const enabled = valueIn(persistence, 'aof_enabled')
  if (enabled === '1') {
    const status = valueIn(persistence, 'aof_last_write_status') ?? 'ok'
    return status === 'ok'
      ? ok('redis aof', 'on')
      : wrong('redis aof', `the last write ended with ${status}`, 'look into its log: the disk may be full')
  }
  return note(
    'redis aof',
    'off: after a restart of Redis the queue is filled again from the database; with appendonly yes that costs nothing',
  )
}

function skewOf(skewMs: number): Finding {
  const says = `Redis is ${Math.abs(Math.round(skewMs))} ms ${skewMs < 0 ? 'behind' : 'ahead of'} this machine`
  return Math.abs(skewMs) <= mostSkewMs
    ? ok('clock', says)
    : wrong('clock', says, 'set both clocks by NTP: signatures and delays depend on them')
}
