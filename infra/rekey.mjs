import { runEntry, setUp } from './setup.mjs'

/** Seals every stored secret with the newest master key; services may run meanwhile. */
await runEntry(async () => {
  await setUp()
  const { rekey } = await import('../dist/infra/rekey.js')
  process.exitCode = await rekey(process.env, (text) => process.stdout.write(text))
})
