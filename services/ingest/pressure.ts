import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Logger } from '../../shared/logger.ts'
import { Problem } from '../../shared/problem.ts'
import { askMemory, type Redis, type RedisTarget } from '../../shared/redis.ts'
import { keys } from '../../shared/transport.ts'

/** What is measured; undefined where it cannot be known now, which is no reason to refuse. */
export type Load = {
  /** Of the server that is the fullest. */
  redisUsed?: number
  /** 0: Redis has no limit. */
  redisLimit?: number
  /** Outcomes that wait to be recorded, in all shards. */
  outcomes?: number
  diskFree?: number
}
export type Judgement = { /** Why nothing is accepted now. */ refuse?: string /** The relay adds nothing more to Redis. */; hold: boolean }

/** The rest is needed to drain: a Redis that is full lets no job be taken from it either. */
const redisShare = 0.75
const redisShareAgain = 0.65
/** Far more than status is ever behind; beyond it the log says less and less of what has happened. */
const outcomesLimit = 100_000
const outcomesAgain = 50_000
const diskLimit = 64 * 1_048_576
const diskAgain = 96 * 1_048_576

/** Whether to go on accepting. What it refused before it refuses until there is clearly room again. Pure. */
export function judgeLoad(load: Load, before: Judgement): Judgement {
  const refused = before.refuse !== undefined
  const share = load.redisLimit ? (load.redisUsed ?? 0) / load.redisLimit : 0
  const hold = share >= (before.hold ? redisShareAgain : redisShare)
  if (hold) return { hold, refuse: 'the queue is nearly full' }
  if ((load.outcomes ?? 0) >= (refused ? outcomesAgain : outcomesLimit))
    return { hold, refuse: 'the log is behind with what was delivered' }
  if ((load.diskFree ?? Number.POSITIVE_INFINITY) < (refused ? diskAgain : diskLimit)) return { hold, refuse: 'the disk is nearly full' }
  return { hold }
}

/** Of servers that say how they are; what goes to one of them finds room there or nowhere. Pure. */
export function fullest(servers: string[]): Pick<Load, 'redisUsed' | 'redisLimit'> {
  const loads = servers.map((memory) => {
    const number = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(memory)?.[1] ?? 0)
    return { redisUsed: number('used_memory'), redisLimit: number('maxmemory') }
  })
  const share = ({ redisUsed, redisLimit }: (typeof loads)[number]) => (redisLimit ? redisUsed / redisLimit : 0)
  return loads.sort((a, b) => share(b) - share(a))[0] ?? {}
}

export type Pressure = {
  /** Throws the `Problem` that says why nothing is accepted now, before anything would be lost. */
  check(): void
  /** Resolves when jobs may be added. */
  room(): Promise<void>
  /** What was last measured, and what follows from it. */
  state(): { load: Load; judgement: Judgement }
  stop(): void
}

const measureEveryMs = 500
const retryAfterSeconds = 5

/** @param shards where they lie */
export function watchPressure(redis: Redis, shards: readonly Pick<RedisTarget, 'prefix'>[], databaseUrl: string, log: Logger): Pressure {
  const folder = databaseUrl.startsWith('postgres') ? undefined : dirname(databaseUrl.replace(/^(sqlite|libsql):(\/\/)?/, ''))
  let judgement: Judgement = { hold: false }
  let load: Load = {}
  let waiting: (() => void)[] = []

  async function measure(): Promise<Load> {
    const [memory, lengths, disk] = await Promise.allSettled([
      askMemory(redis),
      Promise.all(shards.map(({ prefix }) => redis.xlen(keys(prefix).outcomes))),
      folder ? statfs(folder) : undefined,
    ])
    return {
      ...(memory.status === 'fulfilled' && fullest(memory.value)),
      ...(lengths.status === 'fulfilled' && { outcomes: lengths.value.reduce((sum, length) => sum + length, 0) }),
      ...(disk.status === 'fulfilled' && disk.value && { diskFree: disk.value.bavail * disk.value.bsize }),
    }
  }

  async function look(): Promise<void> {
    load = await measure()
    const next = judgeLoad(load, judgement)
    if (next.refuse !== judgement.refuse) {
      if (next.refuse) log.warn({ reason: next.refuse }, 'events are refused until there is room again')
      else log.warn('events are accepted again')
    }
    judgement = next
    if (!next.hold) for (const go of waiting.splice(0)) go()
  }

  let looking = false
  const timer = setInterval(() => {
    if (looking) return
    looking = true
    void look().finally(() => (looking = false))
  }, measureEveryMs)
  void look()

  return {
    check() {
      if (judgement.refuse) throw new Problem('unavailable', `${judgement.refuse}; send this again later`, { retryAfterSeconds })
    },
    room: () => (judgement.hold ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve()),
    state: () => ({ load, judgement }),
    stop() {
      clearInterval(timer)
      judgement = { hold: false }
      for (const go of waiting) go()
      waiting = []
    },
  }
}
