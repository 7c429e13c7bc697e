import { fork, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startTestRedis } from '../support/redis.ts'
import type { Memory } from './memory.ts'

/** A gateway to be fuzzed, with a Redis and a database that nobody else has. */
export type Target = {
  url: string
  port: number
  /** An admin key. */
  key: string
  pid: number
  isAlive(): boolean
  /** After a collection of garbage. */
  memory(): Promise<Memory>
  /** Files and sockets that it has open, where the system says so. */
  descriptors(): Promise<number | undefined>
  /** Lines in which it complained: faults, unhandled rejections, whatever is no line of its log. */
  complaints(): string[]
  stop(): Promise<void>
}

export async function startTarget(settings: Record<string, string> = {}): Promise<Target> {
  const folder = await mkdtemp(join(tmpdir(), 'tidings-fuzz-'))
  const redis = await startTestRedis()
  const child = fork(fileURLToPath(new URL('./gateway.js', import.meta.url)), {
    env: {
      PATH: process.env['PATH'],
      REDIS_URL: redis.url,
      DATABASE_URL: `sqlite:${join(folder, 'tidings.db')}`,
      MASTER_KEY: randomBytes(32).toString('base64'),
      PORT: '0',
      LOG_LEVEL: 'error',
      ...settings,
    },
    execArgv: [],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const killed = () => void child.kill('SIGKILL')
  process.once('exit', killed)
  const complaints = listen(child)
  const stop = async () => {
    await end(child)
    process.off('exit', killed)
    await redis.stop()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const { url, key } = (await answer(child, 60_000)) as { url: string; key: string }
    return {
      url,
      key,
      port: Number(new URL(url).port),
      pid: child.pid as number,
      isAlive: () => child.exitCode === null && child.signalCode === null,
      async memory() {
        child.send('memory')
        return (await answer(child, 30_000)) as Memory
      },
      descriptors: () =>
        readdir(`/proc/${child.pid}/fd`).then(
          (entries) => entries.length,
          () => undefined,
        ),
      complaints: () => complaints,
      stop,
    }
  } catch (error) {
    await stop()
    throw new Error(`the gateway did not start: ${complaints.slice(-5).join('\n')}`, { cause: error })
  }
}

/** At level error nothing is logged but faults, so that every line counts. */
function listen(child: ChildProcess): string[] {
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      if (lines.length < 1_000) lines.push(...chunk.split('\n').filter((line) => line.trim() !== ''))
    })
  return lines
}

async function answer(child: ChildProcess, withinMs: number): Promise<unknown> {
  const patience = new AbortController()
  const timer = setTimeout(() => patience.abort(new Error('no answer in time')), withinMs)
  try {
    const gone = once(child, 'exit', { signal: patience.signal }).then(([code, signal]) => {
      throw new Error(`the gateway has ended with ${code ?? signal}`)
    })
    return await Promise.race([once(child, 'message', { signal: patience.signal }).then(([message]) => message as unknown), gone])
  } finally {
    clearTimeout(timer)
    patience.abort()
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 15_000)
  await exited
  clearTimeout(timer)
}
