import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { arrival } from './eventually.ts'

const binary = fileURLToPath(new URL('../../../infra/cli.mjs', import.meta.url))
/** What `--json` has said: a value a line. */
export const rowsOf = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>)

export type Ran = { code: number | string; out: string; err: string }
export type Running = {
  out(): string
  err(): string
  /** Resolves when the text has been said, on either stream, with what the pattern has found. */
  said(pattern: RegExp): Promise<RegExpExecArray>
  signal(name: NodeJS.Signals): void
  /** As a reader does that has read enough. */
  closePipe(): void
  ended: Promise<Ran>
}

export type Cli = {
  start(args: string[], more?: { input?: string; env?: Record<string, string> }): Running
  run(args: string[], more?: { input?: string; env?: Record<string, string> }): Promise<Ran>
}

/** Whatever becomes of a test, none of its commands outlives it. */
const alive = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of alive) child.kill('SIGKILL')
})

/** `tidings` as a user has it: its binary in a process, with nothing of our environment but the path. */
export function createCli(env: Record<string, string>, cwd: string): Cli {
  const start: Cli['start'] = (args, { input, env: more } = {}) => {
    const child = spawn(process.execPath, [binary, ...args], {
      cwd,
      env: { PATH: process.env['PATH'], ...env, ...more },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    alive.add(child)
    child.once('exit', () => alive.delete(child))
    let [out, err] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
    child.stdin.on('error', () => {})
    child.stdin.end(input ?? '')
    const ended = once(child, 'close').then(([code, signal]) => ({ code: (signal ?? code) as number | string, out, err }))
    return {
      out: () => out,
      err: () => err,
      said: (pattern) => arrival(`${String(pattern)} of tidings ${args.join(' ')}`, () => pattern.exec(err + out) ?? undefined),
      signal: (name) => child.kill(name),
      closePipe: () => child.stdout.destroy(),
      ended,
    }
  }
  return { start, run: (args, more) => start(args, more).ended }
}
