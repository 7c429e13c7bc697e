import { fileURLToPath } from 'node:url'
import { unlistedScripts } from './audit.mjs'
import { createProgress } from './progress.mjs'
import { run } from './run.mjs'
import { runEntry, setUp } from './setup.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const tool =
  (path, ...args) =>
  () =>
    run(process.execPath, [`node_modules/${path}`, ...args], { cwd: root })

/** Which package may run a script when it is installed is somebody's decision, never a default. */
async function installScripts() {
  const { ok, line } = unlistedScripts()
  if (!ok) throw new Error(line)
}

/** All that can be said about the code without running it. Each is tried, whatever the others say. */
const checks = [
  ['format', tool('@biomejs/biome/bin/biome', 'format', '--max-diagnostics=20', '.')],
  ['types', tool('typescript/bin/tsc', '--noEmit', '--incremental', 'false', '--pretty', 'false')],
  ['types of the console', tool('typescript/bin/tsc', '-p', 'services/status/console', '--pretty', 'false')],
  ['lint and import rules', tool('oxlint/bin/oxlint', '--type-aware', '--deny-warnings')],
  ['nothing unused', tool('knip/bin/knip.js', '--config', '.knip.json')],
  ['install scripts are allowed or forbidden by name', installScripts],
  ['generated files are current', () => run(process.execPath, ['infra/generate.mjs', '--check'], { cwd: root })],
]

await runEntry(async () => {
  await setUp()
  const progress = createProgress()
  for (const [title, check] of checks) {
    await progress.step(title, check).catch((error) => {
      progress.say(error.output ?? error.message)
      process.exitCode = 1
    })
  }
})
