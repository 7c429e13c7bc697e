import { readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { identify } from '../process-identity.ts'

type Process = { pid: number; identity: string | undefined }
type Note = { launcher: Process; child: Process; socket: string }

/** Another launcher has this folder; two would end each other's Redis. */
export class FolderTakenError extends Error {}

const stopWithinMs = 5_000

/** Notes who runs, for the next start to find when this one is killed. */
export async function remember(file: string, pid: number, socket: string): Promise<void> {
  const note = (number: number): Process => ({ pid: number, identity: identify(number) })
  const content: Note = { launcher: note(process.pid), child: note(pid), socket }
  await writeFile(file, JSON.stringify(content), { mode: 0o600 })
}

export async function forget(file: string, socket: string): Promise<void> {
  await rm(file, { force: true })
  await removeSocket(socket)
}

/** Ends the Redis of a launcher that was killed. @returns what was done, in words, or undefined */
export async function endStale(file: string): Promise<string | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined)
  if (!text) return undefined
  const { launcher, child, socket } = JSON.parse(text) as Note
  if (runs(launcher) && launcher.pid !== process.pid) {
    throw new FolderTakenError(
      `process ${launcher.pid} already runs Tidings on this data folder: stop it first, or give this one its own with DATA_DIR`,
    )
  }
  const left = runs(child)
  if (left) await end(child)
  await forget(file, socket)
  return left ? `ended the Redis that a killed launcher had left behind (process ${child.pid})` : undefined
}

/** The same process, not a later one that was given its number. */
const runs = ({ pid, identity }: Process) => identity !== undefined && identify(pid) === identity

async function end(child: Process): Promise<void> {
  const deadline = Date.now() + stopWithinMs
  process.kill(child.pid, 'SIGTERM')
  while (runs(child)) {
    if (Date.now() > deadline) process.kill(child.pid, 'SIGKILL')
    await wait(20)
  }
}

/** With the folder made for it, where the data folder's own path was too long. */
async function removeSocket(socket: string): Promise<void> {
  await rm(socket, { force: true })
  const folder = dirname(socket)
  if (dirname(folder) === tmpdir() && /tidings-\w+$/.test(folder)) await rm(folder, { recursive: true, force: true })
}
