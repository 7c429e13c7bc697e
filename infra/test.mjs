import { fileURLToPath } from 'node:url'
import { attached } from './run.mjs'
import { runEntry, setUp } from './setup.mjs'

const tiers = ['unit', 'contract', 'integration', 'e2e']

/**
 * Runs the tests, of all tiers or of those that are named: `npm test`, `npm test unit`, `npm test contract -- redis`.
 * Everything else is handed on to vitest.
 */
await runEntry(async () => {
  await setUp()
  const args = process.argv.slice(2)
  const projects = args.filter((arg) => tiers.includes(arg)).map((tier) => `--project=${tier}`)
  const rest = args.filter((arg) => !tiers.includes(arg))
  const root = fileURLToPath(new URL('..', import.meta.url))
  process.exitCode = await attached(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', '--root', root, '--config', 'test/vitest.config.ts', ...projects, ...rest],
    { cwd: root },
  )
})
