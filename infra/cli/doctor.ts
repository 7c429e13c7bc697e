import type { Command } from 'commander'
import { action, type Context } from './common/context.ts'
import type { Env } from './common/io.ts'

/** `tidings doctor`: looks at this machine and at the Tidings that runs on it, and changes nothing. */
export function addDoctor(program: Command, env: Env): void {
  const command = program
    .command('doctor')
    .description('Look at this machine and at the Tidings that runs: what is wrong, and how to mend it; 1 if anything is')
  // who is about to start one looks where it will be
  const here = env.PORT ? { TIDINGS_URL: `http://${env.HOST || '127.0.0.1'}:${env.PORT}` } : {}
  action(command, { ...here, ...env }, async (context: Context) => (await import('./checks/examine.ts')).examine(context))
}
