#!/usr/bin/env node
import { endWithParent } from './parent.mjs'
import { runEntry, setUp } from './setup.mjs'

/** `tidings`, `npx tidings`, `npm run tidings --`. */
await runEntry(async () => {
  endWithParent()
  // npm runs a script in the folder of its package; files are named from where the user stands
  if (process.env.npm_lifecycle_event === 'tidings' && process.env.INIT_CWD) process.chdir(process.env.INIT_CWD)
  await setUp()
  const { main } = await import('../dist/infra/cli/main.js')
  await main(process.argv.slice(2), process.env)
})
