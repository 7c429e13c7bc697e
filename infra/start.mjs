import { endWithParent } from './parent.mjs'
import { runEntry, setUp } from './setup.mjs'

await runEntry(async () => {
  endWithParent()
  await setUp()
  const { standalone } = await import('../dist/infra/standalone.js')
  await standalone(process.env)
})
