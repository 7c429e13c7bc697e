import { createHash } from 'node:crypto'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

const folders = ['services', 'shared', 'infra', 'test']
const single = ['package-lock.json', 'tsconfig.json', 'infra/redis/bundled/package-lock.json', 'infra/redis/bundled/server.mjs']

/** Every file below a folder, as paths from the root; folders that hold no source are left out. */
export function filesBelow(root, folder) {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : filesBelow(root, path)
    return entry.isFile() ? [path] : []
  })
}

/** What goes into dist, where it goes, and a stamp that changes with any of it. */
export function listSources(root) {
  const all = folders.flatMap((folder) => filesBelow(root, folder))
  const bundled = all.filter((path) => path.startsWith('services/status/console/'))
  const rest = all.filter((path) => !bundled.includes(path))
  const compiled = rest.filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts') && !notCompiled(path))
  const assets = rest.filter((path) => !path.startsWith('infra/') && !/(\.ts|\.md|~|\.swp)$/.test(path))
  const hash = createHash('sha256')
  for (const path of [...compiled, ...assets, ...bundled, ...single].sort()) {
    const found = statSync(join(root, path), { throwIfNoEntry: false })
    if (found) hash.update(`${path} ${found.size} ${found.mtimeMs}\n`)
  }
  return { compiled, assets, stamp: hash.digest('hex') }
}

/** As `exclude` of tsconfig.json says. */
const notCompiled = (path) => path === 'test/vitest.config.ts' || path.startsWith('infra/redis/bundled/')

export const outputOf = (path) => path.replace(/\.ts$/, '.js')
export const sourceOf = (path) => path.replace(/(\.d\.ts|\.js(\.map)?)$/, '.ts')
