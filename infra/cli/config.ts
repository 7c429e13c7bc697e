import type { Command } from 'commander'
import { action, type Context } from './common/context.ts'
import type { Env } from './common/io.ts'

type Options = { envFile?: string }

/** `tidings config check`: what is wrong with the environment before anything is started with it. */
export function addConfig(program: Command, env: Env): void {
  const group = program.command('config').description('The settings of this machine')
  const command = group
    .command('check')
    .description('Read the environment as Tidings would, and say what is wrong, missing or unknown; 1 if anything is. Prints no value')
    .argument('[processes...]', 'start, which brings the others; or ingest, dispatcher, status, each as it would run alone')
    .option('--env-file <file>', 'a file of NAME=value lines, .env where there is one; the environment goes before it')
  action(command, env, async (context: Context, names: string[], options: Options) =>
    (await import('./common/config-check.ts')).checkConfig(context, names, options),
  )
}
