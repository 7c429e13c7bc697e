import type { Command } from 'commander'
import { action, type Context } from './common/context.ts'
import type { Env } from './common/io.ts'
import { fileOption } from './plan.ts'

/** `tidings drift`: for a clock and not for a person. */
export function addDrift(program: Command, env: Env): void {
  const command = program
    .command('drift')
    .description(
      'As plan, without any secret: variables need not be set, and a key with the scope `read` is enough; 2 where something has drifted',
    )
    .option(...fileOption)
    .option('--prune', 'what the file does not name counts too')
  action(command, env, async (context: Context, options: { file: string; prune?: boolean }) =>
    (await import('./registry/compare-file.ts')).compareFile(context, options, { strict: false }),
  )
}
