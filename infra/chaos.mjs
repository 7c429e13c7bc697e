import { endWithParent } from './parent.mjs'
import { runEntry, setUp } from './setup.mjs'

await runEntry(async () => {
  endWithParent()
  await setUp()
  const { main } = await import('../dist/test/chaos/main.js')
  process.exitCode = await main(process.argv.slice(2))
})
