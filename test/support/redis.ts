import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ask } from '../../infra/redis/ask.ts'
import { bundledRedis } from '../../infra/redis/bundled.ts'
import { debianRedis } from '../../infra/redis/debian.ts'
import { startServer, type RedisProgram } from '../../infra/redis/server.ts'
import { systemRedis, type Looked } from '../../infra/redis/system.ts'

export type TestRedis = {
  url: string
  kind: RedisProgram['kind']
  pid: number
  /** Where it keeps what it writes. */
  folder: string
  /** One command, and its reply as text. */
  ask(...command: string[]): Promise<string>
  /** As a crash does it; the files of its queue stay. */
  kill(): Promise<void>
  /** Starts it again under the same URL, with what was written before, as far as this Redis keeps anything. */
  restart(): Promise<void>
  /** Empties it, as somebody who wipes Redis does. */
  flush(): Promise<void>
  /** It dies and its files with it, as on a machine with a disk of its own that is replaced; it comes back empty. */
  loseFiles(): Promise<void>
  stop(): Promise<void>
}

/** Kept between runs, beside the other caches of tools; made of a package, so it belongs to what npm may delete. */
export const debianCache = fileURLToPath(new URL('../../../node_modules/.cache/redis-debian', import.meta.url))

/** Every kind that can be had here, best first, or the reason why it cannot. */
export const lookForRedis: Record<RedisProgram['kind'], () => Promise<Looked>> = {
  system: () => systemRedis(process.env),
  debian: () => debianRedis(debianCache, process.env),
  bundled: async () => bundledRedis(process.env),
}

/** A Redis that writes its queue to disk, as the bundled one does not. */
export async function realRedis(): Promise<Looked> {
  const system = await lookForRedis.system()
  return 'program' in system ? system : lookForRedis.debian()
}

async function bestProgram(): Promise<RedisProgram> {
  const reasons: string[] = []
  for (const look of Object.values(lookForRedis)) {
    const looked = await look()
    if ('program' in looked) return looked.program
    reasons.push(looked.reason)
  }
  throw new Error(`no Redis for the tests: ${reasons.join('; ')}`)
}

/** A private Redis with a folder of its own; every test file has its own, so that none sees another's keys. */
export async function startTestRedis(program?: RedisProgram): Promise<TestRedis> {
  const chosen = program ?? (await bestProgram())
  const folder = await mkdtemp(join(tmpdir(), 'tidings-redis-'))
  const place = { folder: join(folder, 'queue'), socket: join(folder, 'redis.sock') }
  let server = await startServer(chosen, place)
  return {
    url: server.url,
    kind: chosen.kind,
    get pid() {
      return server.pid
    },
    folder: place.folder,
    ask: (...command) => ask(place.socket, command),
    kill: () => server.kill(),
    async restart() {
      await server.kill()
      server = await startServer(chosen, place)
    },
    async flush() {
      await ask(place.socket, ['FLUSHALL'])
    },
    async loseFiles() {
      await server.kill()
      await rm(place.folder, { recursive: true, force: true })
      server = await startServer(chosen, place)
    },
    async stop() {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
