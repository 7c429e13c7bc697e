import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'

/** One at a time over processes: two commands started together must not write, or wipe, the same files at once. */
export async function withLock(file, work) {
  while (!take(file)) await wait(50)
  try {
    return await work()
  } finally {
    rmSync(file, { force: true })
  }
}

function take(file) {
  if (create(file)) return true
  const holder = readHolder(file)
  if (holder === undefined || isAlive(holder)) return false
  // of several who wait for a dead holder one clears its lock, or the second would clear the lock of the first
  if (!create(`${file}.breaking`)) return false
  if (readHolder(file) === holder) rmSync(file, { force: true })
  rmSync(`${file}.breaking`, { force: true })
  return false
}

/** As a link to a file that is whole: a lock is never seen without its holder. */
function create(file) {
  const own = `${file}.${process.pid}`
  writeFileSync(own, String(process.pid))
  try {
    linkSync(own, file)
    return true
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
    return false
  } finally {
    rmSync(own, { force: true })
  }
}

function readHolder(file) {
  try {
    return Number(readFileSync(file, 'utf8'))
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
    return undefined
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code !== 'ESRCH'
  }
}
