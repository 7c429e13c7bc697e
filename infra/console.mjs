import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { filesBelow } from './sources.mjs'

/** Where the console's sources lie, and below dist what is made of them; without a slash at its start. */
export const consoleFolder = 'services/status/console/'

/** Bundles the console into hashed files, when its sources, the contracts that it speaks or its packages have changed. */
export async function buildConsole({ root, progress }) {
  const target = join(root, 'dist', consoleFolder)
  const stamp = stampOf(root)
  const stampFile = join(target, '.stamp')
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return
  await progress.step('bundling the console', async () => {
    await bundle(join(root, consoleFolder), target)
    writeFileSync(stampFile, stamp)
  })
}

function stampOf(root) {
  const hash = createHash('sha256')
  const files = [consoleFolder.slice(0, -1), 'shared/contracts'].flatMap((folder) => filesBelow(root, folder))
  for (const path of [...files, 'package-lock.json'].sort()) {
    const { size, mtimeMs } = statSync(join(root, path))
    hash.update(`${path} ${size} ${mtimeMs}\n`)
  }
  return hash.digest('hex')
}

async function bundle(source, target) {
  const [{ build }, { default: react }] = await Promise.all([import('vite'), import('@vitejs/plugin-react')])
  await build({
    root: source,
    base: '/console/',
    configFile: false,
    logLevel: 'warn',
    plugins: [react()],
    // nothing inline: the page's policy lets run, and shows, what comes from its own address alone
    build: {
      outDir: target,
      emptyOutDir: true,
      target: 'es2022',
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
    },
  })
}
