import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DemoError } from './api.ts'
import type { Hello } from './own-process.ts'

/** The Tidings that the day is played through. */
export type Tidings = {
  url: string
  key: string
  own: boolean
  /** Which Redis it took and why, where it is ours. */
  redis: string | undefined
  /** What it said last, for when something went wrong. */
  lastWords(): string[]
  /** Ends ours and removes its folder; leaves a given one alone. The second call ends it at once. */
  stop(): Promise<void>
}

const main = fileURLToPath(new URL('./own-process.js', import.meta.url))
const root = fileURLToPath(new URL('../../../', import.meta.url))
const readyWithinMs = 120_000
const stopWithinMs = 30_000
const wordsKept = 30

type Env = Record<string, string | undefined>

/** All of Tidings with a folder, a port and a Redis of its own, so that nothing of the user's is touched. */
export async function startTidings(env: Env, signal: AbortSignal): Promise<Tidings> {
  const folder = await mkdtemp(join(tmpdir(), 'tidings-demo-'))
  await shareUnpackedRedis(folder, env)
  const words: string[] = []
  // a process group of its own: Ctrl-C in a terminal is for us, and we say when to end
  const child = fork(main, { env: ownEnv(env, folder), detached: true, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      words.push(...text.trimEnd().split('\n'))
      words.splice(0, words.length - wordsKept)
    })
  }
  const stop = () => end(child, folder)
  const hello = await greeted(child, signal).catch(async (error: unknown) => {
    await stop()
    throw error
  })
  if ('failure' in hello) {
    await stop()
    throw new DemoError(`Tidings did not start: ${hello.failure}\n${words.join('\n')}`)
  }
  return { ...hello, own: true, lastWords: () => words, stop }
}

/** One that runs already; it is not ours to end. */
export const givenTidings = ({ url, key }: { url: string; key: string }): Tidings => ({
  url,
  key,
  own: false,
  redis: undefined,
  lastWords: () => [],
  stop: async () => {},
})

async function greeted(child: ChildProcess, signal: AbortSignal): Promise<Hello> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(readyWithinMs)])
  const exited = once(child, 'exit', { signal: within }).then((): [Hello] => [{ failure: 'its process ended' }])
  const greeting = once(child, 'message', { signal: within }) as Promise<[Hello]>
  exited.catch(() => {})
  return (await Promise.race([greeting, exited]))[0]
}

async function end(child: ChildProcess, folder: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const timer = setTimeout(() => child.kill('SIGKILL'), stopWithinMs)
    child.kill('SIGTERM')
    await once(child, 'exit')
    clearTimeout(timer)
  }
  await rm(folder, { recursive: true, force: true })
}

/** Settings that tune it are handed on; those that lead to something of the user's are not, nor those that would tell others of the day. */
function ownEnv(given: Env, folder: string): NodeJS.ProcessEnv {
  const foreign = ['REDIS_URL', 'DATABASE_URL', 'MASTER_KEY', 'PUBLIC_URL', 'OPTERYX_WEBHOOK_DOMAIN'].flatMap((name) => [
    name,
    `${name}_FILE`,
  ])
  const kept = Object.fromEntries(Object.entries(given).filter(([name]) => !foreign.includes(name)))
  // The day has seconds for hours: a breaker that opens for real ones would keep the receivers that are down from failing at all.
  const swift = { BREAKER_FAILURES: '0' }
  return { ...kept, ...swift, DATA_DIR: folder, HOST: '127.0.0.1', PORT: '0', ALLOWED_ADDRESSES: '127.0.0.0/8' }
}

/** Debian's Redis is unpacked once for this clone, and not at every demo. */
async function shareUnpackedRedis(folder: string, env: Env): Promise<void> {
  const shared = join(resolve(root, env.DATA_DIR ?? 'data'), 'redis', 'debian')
  await mkdir(shared, { recursive: true, mode: 0o700 })
  await mkdir(join(folder, 'redis'), { mode: 0o700 })
  if (existsSync(shared)) await symlink(shared, join(folder, 'redis', 'debian'))
}
