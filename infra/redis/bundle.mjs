import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { npm } from '../run.mjs'

/** Where the bundled server lies, below dist and without a slash at its start. */
export const bundledFolder = 'infra/redis/bundled/'

/**
 * Makes one script of the JavaScript Redis, beside the two files of its Lua interpreter, so that it is there at run
 * time without a download and without a second ioredis in our dependencies. Being offline is no reason to fail: it is
 * the last choice of four.
 */
export async function bundleRedis({ root, progress }) {
  const source = join(root, bundledFolder)
  const target = join(root, 'dist', bundledFolder)
  const stamp = ['package-lock.json', 'server.mjs']
    .reduce((hash, name) => hash.update(readFileSync(join(source, name))), createHash('sha256'))
    .digest('hex')
  const stampFile = join(target, '.stamp')
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return
  try {
    await progress.step('bundling the JavaScript Redis', async () => {
      // given as an option, because npm hands the root's settings down to every npm that a script starts
      const options = ['--ignore-scripts', '--engine-strict=false', '--prefer-offline', '--fetch-retries=0', '--no-audit', '--no-fund']
      await npm(['ci', ...options], { cwd: source })
      mkdirSync(target, { recursive: true })
      await bundle(source, target)
      writeFileSync(stampFile, stamp)
    })
  } catch (error) {
    progress.say(`  no bundled Redis this time, only a Redis of this machine can be used: ${firstReason(error)}`)
  }
}

const firstReason = ({ message }) => message.split('\n').find((line) => line.startsWith('npm error')) ?? message.split('\n')[0]

async function bundle(source, target) {
  const { build } = await import('esbuild')
  await build({
    entryPoints: [join(source, 'server.mjs')],
    outfile: join(target, 'server.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'silent',
  })
  // its Lua interpreter looks for these beside the script that it was bundled into
  for (const name of ['redis_lua.mjs', 'redis_lua.wasm'])
    copyFileSync(join(source, 'node_modules/lua-redis-wasm/dist', name), join(target, name))
  // their licences ask to travel with every copy, and dist goes into images
  for (const name of ['js-redis-server', 'lua-redis-wasm', 'cluster-key-slot'])
    copyFileSync(join(source, 'node_modules', name, 'LICENSE'), join(target, `LICENSE-${name}`))
}
