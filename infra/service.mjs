import { readdirSync } from 'node:fs'
import { endWithParent } from './parent.mjs'
import { SetupError, runEntry, setUp } from './setup.mjs'

/** One service as a process of its own: `node infra/service.mjs ingest`. */
await runEntry(async () => {
  const [name] = process.argv.slice(2)
  endWithParent()
  await setUp()
  const names = readdirSync(new URL('../dist/services', import.meta.url))
  if (!names.includes(name)) throw new SetupError(`name a service: ${names.join(', ')}`)
  await import(`../dist/services/${name}/main.js`)
})
