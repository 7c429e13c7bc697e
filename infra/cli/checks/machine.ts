import { existsSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { sqliteDriver } from '../../../shared/storage/sqlite/inspect.ts'
import { note, ok, wrong, type Finding } from './check.ts'

export function checkNode(version = process.versions.node): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const enough = major > 20 || (major === 20 && minor >= 19)
  return enough ? ok('node', version) : wrong('node', `${version} is too old`, 'install Node 20.19 or newer')
}

export function checkDriver(): Finding {
  try {
    const { driver, because } = sqliteDriver()
    return because === undefined
      ? ok('sqlite', driver)
      : note('sqlite', `libsql, because better-sqlite3 cannot be loaded (${because}); \`npm rebuild better-sqlite3\` makes it`)
  } catch (error) {
    return wrong('sqlite', `no driver can be loaded (${(error as Error).message})`, 'npm ci, then npm rebuild better-sqlite3')
  }
}

const megabyte = 1_048_576
/** Below this, events are refused; twenty times as much is soon used up. */
const refusedBelow = 64 * megabyte
const littleBelow = 20 * refusedBelow

export async function checkDisk(folder: string): Promise<Finding> {
  let there = folder
  while (!existsSync(there)) there = dirname(there)
  const { bavail, bsize } = await statfs(there)
  const free = bavail * bsize
  const says = `${Math.floor(free / megabyte).toLocaleString('en')} MB free for ${folder}`
  if (free < refusedBelow) return wrong('disk', says, 'events are refused until there is room: free some, or put DATA_DIR on another disk')
  return free < littleBelow ? note('disk', `${says}; below ${refusedBelow / megabyte} MB events are refused`) : ok('disk', says)
}
