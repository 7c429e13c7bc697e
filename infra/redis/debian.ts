import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { output } from '../output.ts'
import { onPath, program, type Env, type Looked } from './system.ts'

const packages = ['redis-server', 'redis-tools', 'liblzf1', 'libjemalloc2', 'libatomic1']
const retryAfterMs = 24 * 3_600_000

/**
 * Debian's own Redis, unpacked into a folder of ours: needs neither root nor a change to the machine. Done once; a
 * failure is remembered for a day, so that a machine without network does not pay for the attempt at each start.
 */
export async function debianRedis(folder: string, env: Env): Promise<Looked> {
  if (existsSync(join(folder, 'root'))) return unpacked(folder, env)
  const missing = (await Promise.all(['apt-get', 'dpkg'].map((name) => onPath([name], env)))).some((found) => found.length === 0)
  if (missing) return { reason: "Debian's package cannot be unpacked without apt-get and dpkg" }
  const refused = await rememberedFailure(folder)
  if (refused) return { reason: refused }
  try {
    await unpack(folder, env)
  } catch (error) {
    const reason = `Debian's package could not be unpacked (${(error as Error).message})`
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'refused.json'), JSON.stringify({ at: Date.now(), reason }))
    return { reason }
  }
  return unpacked(folder, env)
}

async function unpacked(folder: string, env: Env): Promise<Looked> {
  const root = join(folder, 'root')
  const libraries = await readdir(join(root, 'usr/lib')).catch(() => [])
  const path = libraries.filter((name) => name.includes('-linux-')).map((name) => join(root, 'usr/lib', name))
  return program(join(root, 'usr/bin/redis-server'), 'debian', { ...env, LD_LIBRARY_PATH: path.join(':') })
}

async function rememberedFailure(folder: string): Promise<string | undefined> {
  const text = await readFile(join(folder, 'refused.json'), 'utf8').catch(() => undefined)
  if (!text) return undefined
  const { at, reason } = JSON.parse(text) as { at: number; reason: string }
  return Date.now() - at < retryAfterMs ? `${reason}, tried at ${new Date(at).toISOString()}` : undefined
}

async function unpack(folder: string, env: Env): Promise<void> {
  await mkdir(folder, { recursive: true })
  const work = await mkdtemp(join(folder, 'work-'))
  try {
    await download(work, env)
    for (const name of (await readdir(work)).filter((file) => file.endsWith('.deb'))) {
      await output('dpkg', ['-x', join(work, name), join(work, 'root')], { env, timeoutMs: 30_000 })
    }
    // renamed when whole: what lies under the final name can be trusted, whoever else was unpacking at the same time
    await rename(join(work, 'root'), join(folder, 'root')).catch((error: Error) => {
      if (!existsSync(join(folder, 'root'))) throw error
    })
    await rm(join(folder, 'refused.json'), { force: true })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** With the machine's package lists, and where these are missing, as in a bare image, with lists of our own. */
async function download(work: string, env: Env): Promise<void> {
  const apt = (args: string[]) => output('apt-get', [...aptOptions, ...args], { env, cwd: work, timeoutMs: 60_000 })
  try {
    await apt(['download', ...packages])
  } catch {
    await mkdir(join(work, 'lists/partial'), { recursive: true })
    await mkdir(join(work, 'cache/archives/partial'), { recursive: true })
    const own = ['-o', `Dir::State::lists=${join(work, 'lists')}`, '-o', `Dir::Cache=${join(work, 'cache')}`]
    await apt([...own, 'update'])
    await apt([...own, 'download', ...packages])
  }
}

/** Its own user for downloads could not write into our folder; without a network it must give up soon. */
const aptOptions = [
  '-q',
  '-o',
  'APT::Sandbox::User=root',
  '-o',
  'Acquire::Retries=0',
  '-o',
  'Acquire::http::Timeout=10',
  '-o',
  'Acquire::https::Timeout=10',
]
