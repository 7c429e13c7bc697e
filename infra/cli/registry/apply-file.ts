import type { Context } from '../common/context.ts'
import { carryOut } from './carry-out.ts'
import { readFile } from './file.ts'
import { isDifferent, plan } from './plan.ts'
import { readPresent } from './present.ts'
import { changeLines, showPlan } from './show.ts'

export type Options = { file: string; prune?: boolean; secrets?: boolean; yes?: boolean }

/** Compares, asks before anything is removed, and carries out. */
export async function applyFile({ api, io }: Context, options: Options): Promise<void> {
  const wanted = readFile(options.file, io.env, { strict: true })
  const present = await readPresent(api, wanted)
  const { prune = false, secrets = false } = options
  const changes = plan(wanted, present, { prune, secrets })
  const removed = changes.filter((change) => change.action === 'delete')
  if (removed.length > 0) {
    showPlan({ ...io, json: false, out: io.say }, removed, { secrets: true })
    await io.confirm(`Remove ${removed.length === 1 ? 'it' : `these ${removed.length}`}?`, options.yes)
  }
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
