import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { npm } from './run.mjs'
import { runEntry } from './setup.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

/** `npm run sbom [-- file]`: what runs in production, package by package, as CycloneDX; from the lock file, without a network. */
await runEntry(async () => {
  const output = await npm(['sbom', '--sbom-format=cyclonedx', '--omit=dev', '--package-lock-only'], { cwd: root })
  const bom = JSON.parse(output.slice(output.indexOf('{'), output.lastIndexOf('}') + 1))
  const text = `${JSON.stringify(bom, null, 2)}\n`
  const [path] = process.argv.slice(2)
  if (!path) return void process.stdout.write(text)
  // where npm was called, and not where it runs us
  const target = resolve(process.env.INIT_CWD ?? '.', path)
  writeFileSync(target, text)
  console.error(`${target}: ${bom.components.length} packages`)
})
