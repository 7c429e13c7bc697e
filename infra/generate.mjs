import { readFileSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { migrationsAreCurrent } from './generate/migrations.mjs'
import { environmentExample } from './generate/environment.mjs'

/** Files that are written by a program and kept in the repository, so that a change of them is seen in a review. */
const generated = [{ path: '.env.example', content: environmentExample }]

/** `node infra/generate.mjs` writes them, `--check` fails when one of them is not what it would write. Needs a build. */
async function main(check) {
  const stale = []
  for (const { path, content } of generated) {
    const file = new URL(`../${path}`, import.meta.url)
    const wanted = await content()
    if (read(file) === wanted) continue
    if (check) stale.push(`${path} is not what \`npm run generate\` writes`)
    else writeFileSync(file, wanted)
  }
  if (check && !(await migrationsAreCurrent()))
    stale.push('the schema has changed without a migration: drizzle-kit generate, for the dialect in shared/storage')
  if (stale.length === 0) return
  console.error(stale.join('\n'))
  process.exitCode = 1
}

function read(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main(process.argv.includes('--check'))
