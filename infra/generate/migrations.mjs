import { cpSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from '../run.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))
const dialects = { sqlite: 'sqlite', postgres: 'postgresql' }

/** Whether the schemas are what the migrations make: tried on a copy, where a missing one would be written. */
export async function migrationsAreCurrent() {
  for (const [name, dialect] of Object.entries(dialects)) if (!(await isCurrent(name, dialect))) return false
  return true
}

async function isCurrent(name, dialect) {
  const folder = `${root}shared/storage/${name}/`
  const scratch = `${root}node_modules/.cache/migrations/${name}`
  rmSync(scratch, { recursive: true, force: true })
  mkdirSync(scratch, { recursive: true })
  cpSync(`${folder}migrations`, scratch, { recursive: true })
  const out = relative(root, scratch)
  const schema = relative(root, `${folder}*schema.ts`)
  await run(
    process.execPath,
    ['node_modules/drizzle-kit/bin.cjs', 'generate', `--dialect=${dialect}`, `--schema=${schema}`, `--out=${out}`],
    {
      cwd: root,
    },
  )
  return readdirSync(scratch).length === readdirSync(`${folder}migrations`).length
}
