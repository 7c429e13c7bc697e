import { runEntry, setUp } from './setup.mjs'

await runEntry(async () => {
  await setUp()
  const { standalone } = await import('../dist/infra/standalone.js')
  await standalone(process.env)
})
