import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Env, Looked } from './system.ts'

const script = fileURLToPath(new URL('./bundled/server.mjs', import.meta.url))

/** The JavaScript server that the build has put beside this file. */
export function bundledRedis(env: Env): Looked {
  if (!existsSync(script)) return { reason: 'the bundled server was not built, which needs npm once (`npm run build`)' }
  return {
    program: {
      kind: 'bundled',
      label: 'the bundled JavaScript Redis',
      command: process.execPath,
      args: ({ socket }) => [script, socket],
      env,
      ipc: true,
    },
  }
}
