import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { buildConsole, consoleFolder } from './console.mjs'
import { withLock } from './lock.mjs'
import { createProgress } from './progress.mjs'
import { bundleRedis, bundledFolder } from './redis/bundle.mjs'
import { run } from './run.mjs'
import { filesBelow, listSources, outputOf, sourceOf } from './sources.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const dist = (path) => join(root, 'dist', path)
const stampFile = dist('.stamp')

/**
 * Makes dist what the sources say, when they changed: compiles, copies what is not TypeScript, removes what has no
 * source any more, bundles the console and the JavaScript Redis. Type errors do not keep the output from being written, so by default
 * they are shown and it goes on; `strict` makes them a failure, and builds what is current already, too.
 */
export async function build({ progress = createProgress(), strict = false } = {}) {
  if (!strict && isCurrent()) return
  mkdirSync(dist(''), { recursive: true })
  await withLock(dist('.building'), async () => {
    const { compiled, assets, stamp } = listSources(root)
    if (!strict && isCurrent(stamp)) return
    const types = await progress.step('compiling', () => compile(compiled))
    if (types) report(types, { strict, progress })
    for (const path of assets) copy(path)
    prune()
    await buildConsole({ root, progress })
    await bundleRedis({ root, progress })
    if (!types) writeFileSync(stampFile, stamp)
  })
}

const isCurrent = (stamp = listSources(root).stamp) => existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp

/** @returns what the compiler complained about, undefined when nothing */
async function compile(sources) {
  // the compiler believes its notes and not the folder: a lost output would never be written again
  if (sources.some((path) => !existsSync(dist(outputOf(path))))) rmSync(dist('.tsbuildinfo'), { force: true })
  try {
    await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '--pretty', 'false'], { cwd: root })
    return undefined
  } catch (error) {
    if (error.name !== 'CommandError') throw error
    return error.output.trim()
  }
}

function report(types, { strict, progress }) {
  rmSync(stampFile, { force: true })
  if (strict) throw new Error(`the types do not agree:\n${types}`)
  const lines = types.split('\n')
  progress.say(
    [
      '  the types do not agree (`npm run check` shows all); going on with what was compiled:',
      ...lines.slice(0, 5).map((line) => `  ${line}`),
    ].join('\n'),
  )
}

function copy(path) {
  const target = dist(path)
  const [from, to] = [statSync(join(root, path)), statSync(target, { throwIfNoEntry: false })]
  if (to && to.size === from.size && to.mtimeMs >= from.mtimeMs) return
  mkdirSync(dirname(target), { recursive: true })
  copyFileSync(join(root, path), target)
}

/** A test or migration whose source was removed must not live on in dist, where it would still be run. */
function prune() {
  for (const path of filesBelow(root, 'dist')) {
    const relative = path.slice('dist/'.length)
    if (['.', bundledFolder, consoleFolder].some((kept) => relative.startsWith(kept))) continue
    if (![relative, sourceOf(relative)].some((source) => existsSync(join(root, source)))) rmSync(join(root, path))
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await build({ strict: true }).catch((error) => {
    console.error(error.message)
    process.exitCode = 1
  })
}
