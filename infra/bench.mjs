import { runEntry, setUp } from './setup.mjs'

await runEntry(async () => {
  await setUp()
  const { main } = await import('../dist/test/bench/main.js')
  process.exitCode = await main(process.argv.slice(2))
})
