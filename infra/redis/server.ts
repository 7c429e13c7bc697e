import { spawn, type ChildProcess } from 'node:child_process'
import { rmSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { ask } from './ask.ts'

/** A Redis that can be started on this machine. */
export type RedisProgram = {
  kind: 'system' | 'debian' | 'bundled'
  /** For a person: `redis-server 7.0.15`. */
  label: string
  command: string
  args(place: Place): string[]
  env: Record<string, string | undefined>
  /** Ends by itself when its IPC channel to us closes. */
  ipc: boolean
}

/** Where a private Redis lives: the folder of its files and the socket it listens on. */
export type Place = { folder: string; socket: string }

export type RunningServer = {
  pid: number
  url: string
  /** Resolves, never rejects, with how it ended: an exit code or the name of a signal. */
  exited: Promise<string>
  stop(): Promise<void>
  kill(): Promise<void>
}

/** It ended, or kept silent, before it answered; the text holds its last words. */
export class ServerError extends Error {}

const readyWithinMs = 15_000
const stopWithinMs = 5_000

/** Starts a private Redis and resolves when it answers PING. */
export async function startServer(program: RedisProgram, place: Place): Promise<RunningServer> {
  await mkdir(place.folder, { recursive: true, mode: 0o700 })
  rmSync(place.socket, { force: true })
  // a process group of its own, or else Ctrl-C in a terminal would end it before those who still need it
  const child = spawn(program.command, program.args(place), {
    env: program.env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', ...(program.ipc ? (['ipc'] as const) : [])],
  })
  const words = lastWords(child)
  const exited = ending(child)
  const endWithUs = () => child.kill('SIGTERM')
  process.once('exit', endWithUs)
  void exited.then(() => process.removeListener('exit', endWithUs))
  child.channel?.unref()

  const server = { pid: child.pid ?? 0, url: `unix://${place.socket}`, exited, ...endings(child, exited, place.socket) }
  const failure = await untilReady(place.socket, exited)
  if (!failure) return server
  await server.kill()
  throw new ServerError(`${program.label} ${failure}${words() && `: ${words()}`}`)
}

/** A program that cannot even be started reports it as an event of its own and never exits. */
const ending = (child: ChildProcess): Promise<string> =>
  new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(signal ?? String(code)))
  })

function endings(child: ChildProcess, exited: Promise<string>, socket: string) {
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal)
    const timer = setTimeout(() => child.kill('SIGKILL'), stopWithinMs)
    await exited
    clearTimeout(timer)
    rmSync(socket, { force: true })
  }
  return { stop: () => end('SIGTERM'), kill: () => end('SIGKILL') }
}

/** @returns what went wrong, undefined when it answers */
async function untilReady(socket: string, exited: Promise<string>): Promise<string | undefined> {
  let ended: string | undefined
  void exited.then((how) => (ended = how))
  const deadline = Date.now() + readyWithinMs
  for (;;) {
    const answer = await ask(socket, ['PING']).catch(() => '')
    if (answer === 'PONG') return undefined
    if (ended !== undefined) return `ended (${ended}) before it answered`
    // reading a long log of writes takes as long as it takes
    if (!answer.includes('LOADING') && Date.now() > deadline) return `did not answer within ${readyWithinMs / 1000} s`
    await wait(10)
  }
}

/** Keeps the end of what a child says: enough for an error, never more. */
function lastWords(child: ChildProcess): () => string {
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => (text = (text + chunk).slice(-2_000)))
  }
  return () => text.trim().split('\n').slice(-3).join(' / ')
}
