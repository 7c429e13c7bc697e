import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const call = promisify(execFile)

/** A disk that is full for one process: no file of it may grow beyond so many bytes. Needs no right but one's own. */
export const limitFiles = (pid: number, bytes: number | 'unlimited') => call('prlimit', ['--pid', String(pid), `--fsize=${bytes}:`])

/** @returns why it cannot be done here, undefined where it can */
export async function whyNoLimit(): Promise<string | undefined> {
  return limitFiles(process.pid, 'unlimited').then(
    () => undefined,
    (error: Error) => `a full disk is played with prlimit (util-linux), which does not run here: ${error.message}`,
  )
}
