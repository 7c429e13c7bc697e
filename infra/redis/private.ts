import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { keepRunning } from '../keep-running.ts'
import { endStale, forget, remember } from './record.ts'
import { ServerError, startServer, type Place, type RedisProgram, type RunningServer } from './server.ts'

export type PrivateRedis = { url: string; pid(): number; stop(): Promise<void>; kill(): Promise<void> }
type Say = (line: string) => void

/** The kernel's limit for the path of a unix socket is 107 bytes on Linux and 103 on macOS. */
const longestSocketPath = 103

/**
 * A Redis of our own in a folder: ends what a killed launcher left behind, starts the program, starts it again when
 * it dies, and ends it with us.
 */
export async function startPrivateRedis(program: RedisProgram, folder: string, say: Say): Promise<PrivateRedis> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const record = join(folder, 'process.json')
  const stale = await endStale(record)
  if (stale) say(stale)
  const place = { folder: join(folder, 'queue'), socket: await socketPath(folder) }
  const start = async () => {
    const server = await startOverUnreadable(program, place, say)
    await remember(record, server.pid, place.socket)
    return server
  }
  const kept = await keepRunning('Redis', start, say)
  const end = (how: 'stop' | 'kill') => async () => {
    await kept[how]()
    await forget(record, place.socket)
  }
  return { url: `unix://${place.socket}`, pid: kept.pid, stop: end('stop'), kill: end('kill') }
}

/** A path that is too long, or that a URL would have to escape, is replaced by a fresh one below the temporary folder. */
async function socketPath(folder: string): Promise<string> {
  const path = join(folder, 'redis.sock')
  if (Buffer.byteLength(path) <= longestSocketPath && /^[\w./-]+$/.test(path)) return path
  return join(await mkdtemp(join(tmpdir(), 'tidings-')), 'redis.sock')
}

/**
 * The queue's files may be damaged, or of a newer Redis. They are only a copy of what SQL knows, so rather than not
 * to start they are set aside and the reconciler fills an empty Redis. Put back when that was not the reason.
 */
async function startOverUnreadable(program: RedisProgram, place: Place, say: Say): Promise<RunningServer> {
  try {
    return await startServer(program, place)
  } catch (error) {
    if (!(error instanceof ServerError) || (await isEmpty(place.folder))) throw error
    const aside = join(dirname(place.folder), `queue.unreadable-${new Date().toISOString().replaceAll(':', '-')}`)
    await rename(place.folder, aside)
    try {
      const server = await startServer(program, place)
      say(
        `the queue's files could not be read and lie in ${aside} now; the queue starts empty and is filled again from the database (${error.message})`,
      )
      return server
    } catch {
      await rm(place.folder, { recursive: true, force: true })
      await rename(aside, place.folder)
      throw error
    }
  }
}

const isEmpty = async (folder: string) => !existsSync(folder) || (await readdir(folder)).length === 0
