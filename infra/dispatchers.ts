import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { nodeArguments } from './node-arguments.ts'
import { keepRunning, type KeptChild, type RunningChild } from './keep-running.ts'

const main = fileURLToPath(new URL('../services/dispatcher/main.js', import.meta.url))
const readyWithinMs = 30_000
const drainWithinMs = 10_000
const answerWithinMs = 2_000

export type Dispatchers = {
  /** Resolves when all take jobs, rejects when one could not be started. */
  ready: Promise<unknown>
  states(): Record<string, string>
  /** What each tells of itself; of one that does not answer in time, nothing. */
  metrics(): Promise<string[]>
  stop(): Promise<void>
  kill(): Promise<void>
}

/** Dispatchers as processes of their own, so that signing and sending have cores of their own. */
export function startDispatchers(count: number, env: NodeJS.ProcessEnv, say: (line: string) => void): Dispatchers {
  const running = new Map<string, KeptChild>()
  const processes = new Map<string, ChildProcess>()
  const starting = Array.from({ length: count }, async (_, index) => {
    const name = `dispatcher ${index + 1}`
    running.set(name, await keepRunning(name, () => start(env, (child) => processes.set(name, child)), say))
  })
  const ready = Promise.all(starting)
  // who waits for it is told; until then a failure is not one of the whole process
  ready.catch(() => {})
  const all = async (how: 'stop' | 'kill') => {
    await Promise.allSettled(starting)
    await Promise.all([...running.values()].map((child) => child[how]()))
  }
  return {
    ready,
    states: () => Object.fromEntries([...running].map(([name, child]) => [name, child.pid() > 0 ? 'ok' : 'starting again'])),
    metrics: () => Promise.all([...processes].map(([name, child]) => askForMetrics(child, name.replace(' ', '-')))),
    stop: () => all('stop'),
    kill: () => all('kill'),
  }
}

/** Resolves when the process says that it is ready to take jobs. It ends by itself when its channel to us closes. */
async function start(env: NodeJS.ProcessEnv, started: (child: ChildProcess) => void): Promise<RunningChild> {
  // a process group of its own: Ctrl-C in a terminal is for us, and we say when to drain
  const child = spawn(process.execPath, [...nodeArguments, main], { env, detached: true, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
  })
  const failure = await untilReady(child, exited)
  if (failure) {
    child.kill('SIGKILL')
    throw new Error(failure)
  }
  child.channel?.unref()
  started(child)
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal)
    const timer = setTimeout(() => child.kill('SIGKILL'), drainWithinMs)
    await exited
    clearTimeout(timer)
  }
  return { pid: child.pid ?? 0, exited, stop: () => end('SIGTERM'), kill: () => end('SIGKILL') }
}

/** @returns what went wrong, undefined when it is ready */
const untilReady = (child: ChildProcess, exited: Promise<string>) =>
  new Promise<string | undefined>((resolve) => {
    const timer = setTimeout(() => resolve(`not ready within ${readyWithinMs / 1000} s`), readyWithinMs)
    const settle = (failure: string | undefined) => {
      clearTimeout(timer)
      resolve(failure)
    }
    child.on('message', (message) => (message as { ready?: boolean }).ready && settle(undefined))
    void exited.then((how) => settle(`ended (${how}) before it was ready`))
  })

let questions = 0

const askForMetrics = (child: ChildProcess, process: string) =>
  new Promise<string>((resolve) => {
    const question = ++questions
    const settle = (text: string) => {
      clearTimeout(timer)
      child.off('message', hear)
      resolve(text)
    }
    const hear = (message: unknown) => {
      const { metrics, text } = message as { metrics?: number; text?: string }
      if (metrics === question) settle(text ?? '')
    }
    const timer = setTimeout(() => settle(''), answerWithinMs)
    child.on('message', hear)
    if (!child.connected) return settle('')
    child.send({ metrics: question, process }, (error) => error && settle(''))
  })
