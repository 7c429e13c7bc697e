import type { Context } from '../common/context.ts'
import { exits } from '../common/fail.ts'
import { readFile } from './file.ts'
import { isDifferent, plan } from './plan.ts'
import { readPresent } from './present.ts'
import { showPlan } from './show.ts'

type Options = { file: string; prune?: boolean; secrets?: boolean }

/** @returns 2 where there are differences */
export async function compareFile({ api, io }: Context, options: Options, { strict }: { strict: boolean }): Promise<number> {
  const { file, prune = false, secrets = false } = options
  const wanted = readFile(file, io.env, { strict })
  const changes = plan(wanted, await readPresent(api, wanted), { prune, secrets })
  showPlan(io, changes, { secrets: secrets || !strict })
  return changes.some(isDifferent) ? exits.usage : exits.done
}
