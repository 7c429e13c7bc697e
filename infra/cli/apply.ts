import type { Command } from 'commander'
import { action, type Context } from './common/context.ts'
import type { Env } from './common/io.ts'
import { carryOut } from './registry/carry-out.ts'
import { readFile } from './registry/file.ts'
import { isDifferent, plan } from './registry/plan.ts'
import { readPresent } from './registry/present.ts'
import { changeLines, showPlan } from './registry/show.ts'
import { fileOption, optionsOf } from './plan.ts'

type Options = { file: string; prune?: boolean; secrets?: boolean; yes?: boolean }

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
  action(command, env, apply)
}

async function apply({ api, io }: Context, options: Options): Promise<void> {
  const wanted = readFile(options.file, io.env, { strict: true })
  const present = await readPresent(api, wanted)
  const changes = plan(wanted, present, optionsOf(options))
  const removed = changes.filter((change) => change.action === 'delete')
  if (removed.length > 0) {
    showPlan({ ...io, json: false, out: io.say }, removed, { secrets: true })
    await io.confirm(`Remove ${removed.length === 1 ? 'it' : `these ${removed.length}`}?`, options.yes)
  }
  const secrets = options.secrets ?? false
  await carryOut(api, changes, wanted, present, {
    secrets,
    done({ change, secret }) {
      const { kind, name, action: what } = change
      if (io.json) return io.out(JSON.stringify({ kind, name, action: what, ...(secret && { secret }) }))
      changeLines(io, change).forEach((line) => io.out(line))
      if (secret) io.out(`    secret, shown this once: ${secret}`)
    },
  })
  const count = changes.filter(isDifferent).length
  if (!io.json) io.out(count === 0 ? 'Nothing to change.' : `${count} changed, ${changes.length - count} as they should be.`)
}
