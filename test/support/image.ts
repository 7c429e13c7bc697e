import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync } from 'node:fs'
import { chmod, chown, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { copies, execForm, inRepository, readDockerfile, valuesOf, type Stage } from './deployment.ts'

type Locked = Record<string, { dev?: boolean; devOptional?: boolean }>
const last = () => readDockerfile().stages.at(-1) as Stage

/**
 * The folder that the image's last stage holds, made from what is built here: no container engine, and no network, is
 * needed to find out whether it is whole. Production dependencies are told from the others by the lock file, as npm does it.
 */
export async function layOut(folder: string): Promise<void> {
  const made: Record<string, (target: string) => Promise<void>> = {
    '/app/node_modules': copyProductionDependencies,
    '/app/dist': async (target) => {
      cpSync(inRepository('dist'), target, {
        recursive: true,
        filter: (path) => !/\/dist\/(test|\.building)/.test(path) && !unread.test(path),
      })
      await writeFile(join(target, '.complete'), '')
    },
  }
  for (const { from, sources, target } of copies(last())) {
    for (const source of sources) {
      const into = join(folder, target === './' ? source : target)
      const make = made[source]
      if (from && !make) throw new Error(`nothing says how ${source} is made`)
      if (make) await make(into)
      else cpSync(inRepository(source), into, { recursive: true, filter: (path) => !/node_modules|\.env$/.test(path) })
    }
  }
  // who runs it is somebody else, and may write nothing
  await chmod(folder, 0o755)
}

async function copyProductionDependencies(target: string): Promise<void> {
  const { packages } = JSON.parse(await readFile(inRepository('node_modules/.package-lock.json'), 'utf8')) as { packages: Locked }
  const kept = Object.keys(packages).filter((path) => !packages[path]?.dev && !packages[path]?.devOptional)
  for (const path of kept) {
    const own = inRepository(path)
    const into = join(target, path.slice('node_modules/'.length))
    mkdirSync(dirname(into), { recursive: true })
    cpSync(own, into, {
      recursive: true,
      filter: (file) => !file.startsWith(`${own}/node_modules`) && !left.test(file) && !unread.test(file),
    })
  }
}

/** What the driver was compiled from, as in the image. */
const left = /\/better-sqlite3\/(deps|src|build\/Release\/obj)/

/** Half of all files, and none that a running program reads: left out, the test is twice as fast. */
const unread = /\.(ts|cts|mts|map|md)$/

/** The environment that the image brings. */
export const imageEnv = () => Object.fromEntries(valuesOf(last(), 'ENV').flatMap((text) => text.split(' ').map((pair) => pair.split('='))))

export type Contained = {
  output(): string
  /** As the health check asks: the exit code. */
  health(): Promise<number>
  signal(name: NodeJS.Signals): void
  ended: Promise<number | string>
}

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** A user that owns nothing of the image. Only root can become somebody else; whoever is not is no root to begin with. */
const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}

/** Gives a file or folder to the user who runs the image. */
export async function giveAway(path: string): Promise<void> {
  if (nobody.uid !== undefined) await chown(path, nobody.uid, nobody.gid)
}

/** `docker run tidings <command>`, with no more than the image has. */
export function contain(folder: string, command: string, env: Record<string, string>): Contained {
  const settings = { PATH: process.env.PATH ?? '', ...imageEnv(), ...env }
  const start = (args: string[]) => {
    const [, ...rest] = args
    const child = spawn(process.execPath, rest, { cwd: folder, env: settings, stdio: ['ignore', 'pipe', 'pipe'], ...nobody })
    running.add(child)
    return child
  }
  const end = (child: ChildProcess) =>
    once(child, 'close').then(([code, signal]) => {
      running.delete(child)
      return (signal ?? code) as number | string
    })
  const child = start([...execForm(last(), 'ENTRYPOINT'), command])
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  return {
    output: () => text,
    health: async () => Number(await end(start(execForm(last(), 'HEALTHCHECK')))),
    signal: (name) => child.kill(name),
    ended: end(child),
  }
}
