import type { Command } from 'commander'
import { action, type Context } from './common/context.ts'
import type { Env } from './common/io.ts'
import { fileOption } from './plan.ts'
import type { Options } from './registry/apply-file.ts'

/** `tidings apply`: makes Tidings have what a file says. Twice is as good as once. */
export function addApply(program: Command, env: Env): void {
  const command = program
    .command('apply')
    .description(
      'Make Tidings have what a file says: event types, sources, webhooks with their subscriptions (tidings plan --help shows one)',
    )
    .option(...fileOption)
    .option('--prune', 'remove what the file does not name: of the kinds that it names, and webhooks only with a label; asks first')
    .option('--secrets', 'send secrets again, which cannot be compared; otherwise they are given to what is made')
    .option('--yes', 'ask nothing')
  action(command, env, async (context: Context, options: Options) => (await import('./registry/apply-file.ts')).applyFile(context, options))
}
