import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { identify } from '../../infra/process-identity.ts'
import { arrival, eventually } from './eventually.ts'
import { realRedis } from './redis.ts'

export type Launched = {
  url: string
  /** All that it has printed so far. */
  output(): string
  /** The processes that it has started: Redis and the dispatchers. */
  children(): number[]
  signal(name: NodeJS.Signals): void
  /** Its exit code, or the signal that ended it. */
  ended: Promise<number | string>
  /** Ends it and what it has started, at once. */
  destroy(): Promise<void>
}

const launcher = new URL('../../infra/standalone.js', import.meta.url).href
const script = `const { standalone } = await import(${JSON.stringify(launcher)}); await standalone(process.env)`
const launched = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of launched) child.kill('SIGKILL')
})

/** Tidings as `npm start` starts it, and resolves when it has said that it is ready, or why it is not. */
export async function launch(dataDir: string, settings: Record<string, string> = {}): Promise<Launched> {
  const real = await realRedis()
  const redis = 'program' in real ? { ...real.program.env, REDIS_SERVER_BIN: real.program.command } : { PATH: '' }
  const env = { ...redis, DATA_DIR: dataDir, PORT: '0', DISPATCHERS: '2', ALLOWED_ADDRESSES: '127.0.0.0/8', ...settings }
  // as a file and not as an argument, which the worker threads of the storage would inherit
  const file = `${dataDir}.start.mjs`
  await writeFile(file, script)
  const child = spawn(process.execPath, [file], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  launched.add(child)
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  const ended = once(child, 'close').then(([code, signal]) => {
    launched.delete(child)
    return (signal ?? code) as number | string
  })
  await Promise.race([arrival('a word of the launcher', () => /Data {2,}.*\n/.exec(text) ?? undefined, 60_000), ended])
  return {
    url: /API +(\S+)/.exec(text)?.[1] ?? '',
    output: () => text,
    children: () => childrenOf(child.pid as number),
    signal: (name) => child.kill(name),
    ended,
    async destroy() {
      const started = childrenOf(child.pid as number)
      child.kill('SIGKILL')
      await ended
      started.forEach(killIfThere)
    },
  }
}

/** Resolves when none of these processes is left. */
export const allGone = (pids: number[]) =>
  eventually(() => {
    const left = pids.filter((pid) => identify(pid))
    if (left.length > 0) throw new Error(`still running: ${left.join(', ')}`)
  })

/** A dispatcher ends by itself when its launcher does, perhaps just now. */
function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function childrenOf(pid: number): number[] {
  if (!existsSync('/proc/self/stat'))
    return execFileSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map(Number)
  const all = readdirSync('/proc').map(Number).filter(Boolean)
  return all.filter((candidate) => parentOf(candidate) === pid)
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    return undefined
  }
}
