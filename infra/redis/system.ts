import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import type { Place, RedisProgram } from './server.ts'
import { output } from '../output.ts'

export type Env = Record<string, string | undefined>

/** What a step of the search comes back with: a program, or why there is none. */
export type Looked = { program: RedisProgram } | { reason: string }

/** BullMQ warns below this version, and the streams commands that we use are of it. */
const oldest = [6, 2] as const

/** A Redis or Valkey that somebody installed on this machine. */
export async function systemRedis(env: Env): Promise<Looked> {
  const paths = env.REDIS_SERVER_BIN ? [env.REDIS_SERVER_BIN] : await onPath(['redis-server', 'valkey-server'], env)
  const refused: string[] = []
  for (const path of paths) {
    const looked = await program(path, 'system', env)
    if ('program' in looked) return looked
    refused.push(looked.reason)
  }
  return { reason: refused.join(' and ') || 'neither redis-server nor valkey-server is on PATH' }
}

/** Asks a server program for its version; one that does not run or is too old is refused with the reason. */
export async function program(path: string, kind: RedisProgram['kind'], env: Env): Promise<Looked> {
  const text = await output(path, ['--version'], { env, timeoutMs: 5_000 }).catch((error: Error) => error)
  if (text instanceof Error) return { reason: `${path} does not run (${text.message})` }
  const [, name, major, minor, patch] = /^(\w+) server v=(\d+)\.(\d+)\.(\d+)/i.exec(text) ?? []
  if (!name) return { reason: `${path} does not say its version` }
  const version = `${major}.${minor}.${patch}`
  const enough = Number(major) > oldest[0] || (Number(major) === oldest[0] && Number(minor) >= oldest[1])
  if (!enough) return { reason: `${path} is version ${version}, at least ${oldest.join('.')} is needed` }
  return { program: { kind, label: `${name.toLowerCase()}-server ${version}`, command: path, args: serverArgs, env, ipc: false } }
}

/**
 * Reachable by file permissions alone, writes kept by the second, nothing ever evicted. A delivery writes 6 kB, of which
 * nothing stays: at Redis' own 64 MB the file would be rewritten every half minute, which everybody feels for half a second;
 * one of 256 MB is read in four seconds at the next start.
 */
const serverArgs = ({ folder, socket }: Place) => {
  const options = {
    port: '0',
    unixsocket: socket,
    unixsocketperm: '700',
    dir: folder,
    appendonly: 'yes',
    appendfsync: 'everysec',
    'auto-aof-rewrite-min-size': '256mb',
    save: '',
    'maxmemory-policy': 'noeviction',
    daemonize: 'no',
  }
  return Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])
}

/** Executables of these names on PATH, in PATH's order. */
export async function onPath(names: string[], env: Env): Promise<string[]> {
  const paths = (env.PATH ?? '')
    .split(delimiter)
    .filter(Boolean)
    .flatMap((folder) => names.map((name) => join(folder, name)))
  const found = await Promise.all(
    paths.map((path) =>
      access(path, constants.X_OK).then(
        () => path,
        () => undefined,
      ),
    ),
  )
  return found.filter((path) => path !== undefined)
}
