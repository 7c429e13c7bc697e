import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { bundledRedis } from './bundled.ts'
import { debianRedis } from './debian.ts'
import { startPrivateRedis, type PrivateRedis } from './private.ts'
import { ServerError, type RedisProgram } from './server.ts'
import { systemRedis, type Env, type Looked } from './system.ts'

export type FoundRedis = {
  url: string
  kind: 'given' | RedisProgram['kind']
  /** One sentence: what was taken, what was passed over, and why. */
  why: string
  stop(): Promise<void>
  /** Without waiting for anything to be written. */
  kill(): Promise<void>
}

/** Nothing to run the queue with; the text names every step's reason. */
export class NoRedisError extends Error {}

export type FindRedis = { env: Env; folder: string; say: (line: string) => void }

/**
 * Finds a Redis, best first: the one that is named, one that is installed here, Debian's package without installing
 * it, the bundled one. A step that cannot be taken leaves its reason and the next one is tried.
 */
export async function findRedis({ env, folder, say }: FindRedis): Promise<FoundRedis> {
  if (env.REDIS_URL) {
    await dropQueue(folder)
    return { url: env.REDIS_URL, kind: 'given', why: 'REDIS_URL names it', stop: async () => {}, kill: async () => {} }
  }
  const steps: (() => Promise<Looked> | Looked)[] = [
    () => systemRedis(env),
    () => debianRedis(join(folder, 'debian'), env),
    () => bundledRedis(env),
  ]
  const passedOver: string[] = []
  for (const look of steps) {
    const looked = await look()
    const started = 'program' in looked ? await start(looked.program, folder, say) : looked.reason
    if (typeof started === 'string') passedOver.push(started)
    else if ('program' in looked) return { ...started, kind: looked.program.kind, why: sentence(looked.program, passedOver) }
  }
  throw new NoRedisError(
    `there is no Redis to run the queue with: ${passedOver.join('; ')}.\nInstall one (\`apt-get install redis-server\`) or name one with REDIS_URL.`,
  )
}

/** @returns the reason where it would not start */
async function start(program: RedisProgram, folder: string, say: FindRedis['say']): Promise<PrivateRedis | string> {
  try {
    if (program.kind === 'bundled') await dropQueue(folder)
    return await startPrivateRedis(program, folder, say)
  } catch (error) {
    if (error instanceof ServerError) return error.message
    throw error
  }
}

/** Files of a queue that goes on elsewhere: read again some later day, they would bring back work done long ago. */
const dropQueue = (folder: string) => rm(join(folder, 'queue'), { recursive: true, force: true })

const taken: Record<RedisProgram['kind'], (program: RedisProgram) => string> = {
  system: (program) => `${program.label} of this machine (${program.command})`,
  debian: (program) => `${program.label} of Debian, unpacked into the data folder`,
  bundled: (program) => `${program.label}: its queue is in memory, events stay safe in the database`,
}

function sentence(program: RedisProgram, passedOver: string[]): string {
  const reasons = passedOver.length > 0 ? `, because ${passedOver.join(' and ')}` : ''
  return `${taken[program.kind](program)}${reasons}`
}
