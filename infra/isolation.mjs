import { endWithParent } from './parent.mjs'
import { runEntry, setUp } from './setup.mjs'

await runEntry(async () => {
  endWithParent()
  await setUp()
  const { main } = await import('../dist/test/isolation/main.js')
  process.exitCode = await main(process.argv.slice(2))
})
