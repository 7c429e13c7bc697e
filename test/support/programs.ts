import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const bundledServer = fileURLToPath(new URL('../../infra/redis/bundled/server.mjs', import.meta.url))
const findModule = new URL('../../infra/redis/find.js', import.meta.url).href

export type Programs = {
  folder(name: string): string
  /** A folder for PATH that holds these scripts, by their names. */
  path(scripts: Record<string, string>): Promise<string>
  /** A folder for PATH that holds what the machine's PATH holds, except these. */
  pathWithout(names: string[]): Promise<string>
  remove(): Promise<void>
}

/** Folders of programs, to try what happens on machines other than this one. */
export async function createPrograms(): Promise<Programs> {
  const base = await mkdtemp(join(tmpdir(), 'tidings-order-'))
  let number = 0
  const fresh = async () => {
    const folder = join(base, `path-${++number}`)
    await mkdir(folder)
    return folder
  }
  return {
    folder: (name) => join(base, name),
    async path(scripts) {
      const folder = await fresh()
      for (const [name, text] of Object.entries(scripts)) {
        await writeFile(join(folder, name), text)
        await chmod(join(folder, name), 0o755)
      }
      return folder
    },
    async pathWithout(names) {
      const folder = await fresh()
      for (const from of (process.env.PATH ?? '').split(delimiter)) {
        const files = await readdir(from).catch(() => [])
        // the first on PATH wins here as it does there
        await Promise.all(
          files.filter((file) => !names.includes(file)).map((file) => symlink(join(from, file), join(folder, file)).catch(() => {})),
        )
      }
      return folder
    },
    remove: () => rm(base, { recursive: true, force: true }),
  }
}

/** A `redis-server` of any version: says it, and serves with the bundled server, in memory. */
export const redisServer = (version: string) => `#!${process.execPath}
const args = process.argv.slice(2)
if (args[0] === '--version') console.log('Redis server v=${version} sha=00000000:0 malloc=libc bits=64')
else {
  process.argv = [process.argv[0], ${JSON.stringify(bundledServer)}, args[args.indexOf('--unixsocket') + 1]]
  import(${JSON.stringify(bundledServer)})
}
`

/** Another process that has found its Redis in the same folder, as a launcher has. */
export async function startLauncher(folder: string, env: Record<string, string>): Promise<{ pid: number; kill(): Promise<void> }> {
  const script = `
    const { findRedis } = await import(${JSON.stringify(findModule)})
    await findRedis({ env: ${JSON.stringify(env)}, folder: ${JSON.stringify(folder)}, say() {} })
    process.stdout.write('found')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return {
    pid: child.pid as number,
    async kill() {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}
