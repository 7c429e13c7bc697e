import { runEntry, setUp } from './setup.mjs'

/** Carries an installation from its SQLite file to a Postgres database. */
await runEntry(async () => {
  await setUp()
  const { main } = await import('../dist/infra/transfer.js')
  process.exitCode = await main(process.argv.slice(2), process.env, process)
})
