import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { pathToFileURL, fileURLToPath } from 'node:url'
import { build } from './build.mjs'
import { withLock } from './lock.mjs'
import { createProgress } from './progress.mjs'
import { npm } from './run.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const file = (path) => new URL(`../${path}`, import.meta.url)
const stampFile = file('node_modules/.tidings-setup.json')

/**
 * Brings a fresh clone to where it can run, and does nothing when it already can: dependencies as locked, the native
 * SQLite driver, the compiled program. Everything comes from npm; nothing is downloaded after this. An image says with
 * `dist/.complete` that it was made whole, and lets nothing be written.
 */
export async function setUp({ quiet = false } = {}) {
  requireNode()
  if (existsSync(file('dist/.complete'))) return
  const progress = createProgress({ quiet })
  await installDependencies(progress)
  await build({ progress })
}

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return
  throw new SetupError(
    `Tidings needs Node 20.19 or newer; this is ${process.versions.node}.\n` +
      'Install a newer one from your package manager or nodejs.org (with nvm: `nvm install 20`), then run this again.',
  )
}

/** A situation that the user can end; shown without a stack. */
export class SetupError extends Error {}

async function installDependencies(progress) {
  if (isDone(readStamp())) return
  mkdirSync(file('dist'), { recursive: true })
  // two commands started together would each wipe away what the other has just installed
  await withLock(fileURLToPath(file('dist/.installing')), async () => {
    const stamp = readStamp()
    if (isDone(stamp)) return
    const installed = matchesLock()
    if (!installed) {
      await progress.step('installing dependencies as locked', () =>
        npm(['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: root }),
      )
    }
    if (!installed || (stamp && stamp.abi !== process.versions.modules)) await buildSqlite(progress)
    writeFileSync(stampFile, JSON.stringify({ lock: lockHash(), abi: process.versions.modules }))
  })
}

const lockHash = () =>
  createHash('sha256')
    .update(readFileSync(file('package-lock.json')))
    .digest('hex')
const readStamp = () => (existsSync(stampFile) ? JSON.parse(readFileSync(stampFile, 'utf8')) : undefined)
const isDone = (stamp) => stamp?.lock === lockHash() && stamp.abi === process.versions.modules

/**
 * Whether node_modules holds what the lock file names; packages for other systems may be missing. After an
 * `npm install` by hand it does, and wiping it away would only cost time, or break who is using it.
 */
function matchesLock() {
  const hidden = file('node_modules/.package-lock.json')
  if (!existsSync(hidden)) return false
  const locked = JSON.parse(readFileSync(file('package-lock.json'), 'utf8')).packages
  const present = JSON.parse(readFileSync(hidden, 'utf8')).packages
  return Object.entries(locked).every(([path, entry]) => {
    if (path === '') return true
    if (!present[path]) return entry.optional === true || entry.peer === true
    return present[path].version === entry.version && existsSync(file(`${path}/package.json`))
  })
}

/** The only package with a native part to be made; the storage has a second driver for where that is not possible. */
async function buildSqlite(progress) {
  try {
    await progress.step('preparing the native SQLite driver (up to two minutes where it has to be compiled)', () =>
      npm(['rebuild', 'better-sqlite3', '--foreground-scripts'], { cwd: root }),
    )
  } catch {
    progress.say('  no prebuilt SQLite driver and no compiler here: using libsql instead, which came with npm')
  }
}

/** Runs an entry of this folder; what the user can mend is said in one paragraph, without a stack. */
export async function runEntry(main) {
  try {
    await main()
  } catch (error) {
    console.error(error instanceof SetupError || error?.name === 'CommandError' ? `\n${error.message}` : error)
    process.exitCode = 1
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await runEntry(() => setUp())
