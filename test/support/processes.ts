import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { nodeArguments } from '../../infra/node-arguments.ts'

export type ServiceName = 'ingest' | 'dispatcher' | 'status'

/** A service as it runs in production: its `main.js` in a process of its own. */
export type ServiceProcess = {
  name: string
  /** Where it listens; the same after a restart. Empty for one that listens nowhere. */
  readonly url: string
  readonly pid: number
  /** False from its end, whoever ended it, until it is started again. */
  readonly alive: boolean
  /** The end of what it logged, over all its lives. */
  output(): string
  /** How many lines it logged, over all its lives. */
  lines(): number
  /** Lines of its log that tell of a fault of ours. */
  faults(): string[]
  /** As a crash does it. */
  kill(): Promise<void>
  /** Asks it to end and resolves with its exit code. */
  stop(): Promise<number | null>
  /** Starts it again, after a `kill` or `stop`. */
  start(): Promise<void>
}

const readyWithinMs = 40_000
const stopWithinMs = 20_000
const keptOutput = 20_000

/** Whatever becomes of a test, none of its processes outlives it. */
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

const ourOwn = new URL('../../', import.meta.url)

/**
 * @param compiled the folder of the compiled code, for another Tidings than this one
 * @param execArgv arguments of Node itself
 */
export async function startService(
  service: ServiceName,
  env: Record<string, string>,
  compiled = ourOwn,
  execArgv: string[] = [],
): Promise<ServiceProcess> {
  const main = fileURLToPath(new URL(`services/${service}/main.js`, compiled))
  let text = ''
  let lines = 0
  const faults: string[] = []
  let child: ChildProcess
  let url = ''

  async function start(): Promise<void> {
    const port = url && { PORT: new URL(url).port }
    child = fork(main, {
      env: { PATH: process.env['PATH'], ...env, ...port },
      execArgv: [...nodeArguments, ...execArgv],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    const started = child
    running.add(started)
    started.once('exit', () => running.delete(started))
    for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', keep)
    url = (await readyMessage(started)).url ?? ''
  }

  function keep(chunk: string): void {
    lines += chunk.split('\n').length - 1
    text = (text + chunk).slice(-keptOutput)
    faults.push(...chunk.split('\n').filter((line) => /"level":(50|60)\b/.test(line)))
  }

  async function readyMessage(started: ChildProcess): Promise<{ url?: string }> {
    const patience = AbortSignal.timeout(readyWithinMs)
    const ready = once(started, 'message', { signal: patience }).then(([message]) => message as { url?: string })
    const ended = once(started, 'exit', { signal: patience }).then(([code]) => {
      throw new Error(`${service} ended with ${code} before it was ready:\n${text}`)
    })
    ended.catch(() => {})
    return Promise.race([ready, ended])
  }

  async function end(signal: NodeJS.Signals): Promise<number | null> {
    const ending = child
    if (ending.exitCode !== null || ending.signalCode !== null) return ending.exitCode
    const exited = once(ending, 'exit')
    ending.kill(signal)
    const timer = setTimeout(() => ending.kill('SIGKILL'), stopWithinMs)
    await exited
    clearTimeout(timer)
    return ending.exitCode
  }

  await start()
  return {
    name: service,
    get url() {
      return url
    },
    get pid() {
      return child.pid ?? 0
    },
    get alive() {
      return child.exitCode === null && child.signalCode === null
    },
    output: () => text,
    lines: () => lines,
    faults: () => faults,
    kill: async () => void (await end('SIGKILL')),
    stop: () => end('SIGTERM'),
    start,
  }
}
