import { runEntry, setUp } from './setup.mjs'

/** Brings the database of DATABASE_URL to the form that this version works with. */
await runEntry(async () => {
  await setUp()
  const { migrate } = await import('../dist/infra/migrate.js')
  process.exitCode = await migrate(process.env, (text) => process.stdout.write(text))
})
