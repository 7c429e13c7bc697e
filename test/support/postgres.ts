import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { chown, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'

const execute = promisify(execFile)
type User = { uid: number; gid: number }
export type Cluster = {
  url: string
  /** Of its first process; undefined where it is not ours. */
  pid?: number | undefined
  stop(): Promise<void>
}

/** The folder with `initdb` and `postgres`: on PATH, or where Debian puts them. */
export function findBinaries(): string | undefined {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)) : []
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...versions.map((version) => join(debian, version, 'bin'))]
  return folders.find((folder) => ['initdb', 'postgres'].every((name) => existsSync(join(folder, name))))
}

/** A server of its own in a temporary folder, behind a unix socket; it ends with us. Does not wait for its disk unless `durable`. */
export async function startCluster(binaries: string, { durable = false } = {}): Promise<Cluster> {
  const user = process.getuid?.() === 0 ? await otherUser() : undefined
  const folder = await mkdtemp(join(tmpdir(), 'tidings-postgres-'))
  await mkdir(join(folder, 'data'))
  if (user) for (const path of [folder, join(folder, 'data')]) await chown(path, user.uid, user.gid)
  const as = user ? { ...user, cwd: folder } : { cwd: folder }
  const data = ['-D', join(folder, 'data')]
  await execute(join(binaries, 'initdb'), [...data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'], as)
  const quick = durable ? [] : ['-c', 'fsync=off', '-c', 'full_page_writes=off']
  const listen = ['-k', folder, '-c', 'listen_addresses=', '-c', 'max_connections=200']
  const server = spawn(join(binaries, 'postgres'), [...data, ...listen, ...quick], { ...as, stdio: ['ignore', 'ignore', 'pipe'] })
  // whatever becomes of us: at once, without waiting for connections
  const end = () => server.kill('SIGINT')
  process.once('exit', end)
  const url = `postgres://postgres@localhost/postgres?host=${folder}`
  await answering(url, server)
  return {
    url,
    pid: server.pid,
    async stop() {
      const ended = once(server, 'exit')
      process.removeListener('exit', end)
      end()
      await ended
      await rm(folder, { recursive: true })
    },
  }
}

/** Postgres does not run as root. From the file, as `id` is not on every PATH. */
async function otherUser(): Promise<User> {
  const users = new Map((await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => [line.split(':', 1)[0], line.split(':')]))
  for (const name of ['postgres', 'nobody']) {
    const [, , uid, gid] = users.get(name) ?? []
    if (uid && gid) return { uid: Number(uid), gid: Number(gid) }
  }
  throw new Error('Postgres does not run as root, and there is neither a user `postgres` nor `nobody` to run it as')
}

async function answering(url: string, server: ChildProcess): Promise<void> {
  let said = ''
  server.stderr?.on('data', (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-2_000)))
  for (const until = Date.now() + 30_000; ; ) {
    const client = new pg.Client({ connectionString: url })
    try {
      await client.connect()
      return await client.end()
    } catch (error) {
      if (server.exitCode !== null || Date.now() > until) throw new Error(`Postgres did not start: ${said}`, { cause: error })
      await pause(50)
    }
  }
}

let last = 0
/** A database of its own on the server; drop it when all of its connections have ended. */
export async function createDatabase(serverUrl: string): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `tidings_test_${process.pid}_${++last}`
  await onServer(serverUrl, `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`)
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return { url: url.href, drop: () => onServer(serverUrl, `DROP DATABASE ${name} WITH (FORCE)`) }
}

async function onServer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
