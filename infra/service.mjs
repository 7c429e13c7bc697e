import { readdirSync } from 'node:fs'
import { endWithParent } from './parent.mjs'
import { SetupError, runEntry, setUp } from './setup.mjs'

/** One service as a process of its own: `node infra/service.mjs ingest`. */
await runEntry(async () => {
  const [name] = process.argv.slice(2)
  const names = readdirSync(new URL('../services', import.meta.url))
  if (!names.includes(name)) throw new SetupError(`name a service: ${names.join(', ')}`)
  endWithParent()
  await setUp()
  await import(`../dist/services/${name}/main.js`)
})
