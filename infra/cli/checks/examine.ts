import { exits } from '../common/fail.ts'
import type { Context } from '../common/context.ts'
import { dataFolderOf } from '../common/key.ts'
import { clean } from '../common/print.ts'
import { checkSettings } from '../common/settings-check.ts'
import { wrong, type Finding } from './check.ts'
import { checkDatabase } from './database.ts'
import { checkDisk, checkDriver, checkNode } from './machine.ts'
import { checkRedis } from './redis.ts'
import { checkRunning } from './running.ts'

/** Every look in turn, each told as it is made. @returns the exit code */
export async function examine({ io, url, key, api }: Context): Promise<number> {
  const folder = dataFolderOf(io.env)
  const findings: Finding[] = []
  const found = (list: Finding[]) => {
    findings.push(...list)
    for (const finding of list) io.out(io.json ? JSON.stringify(finding) : lineOf(io, finding))
  }
  const settings = checkSettings(['start'], io.env).map(({ variable, problem, meaning }) =>
    wrong('settings', `${variable} ${problem}`, meaning),
  )
  found([checkNode(), checkDriver(), await checkDisk(folder), ...settings])
  // what cannot be looked at is a finding as well, and no reason not to look at the rest
  const redis = await checkRedis(io.env, folder).catch((error: Error) => ({ findings: [unseen('redis', error)], dispatchers: undefined }))
  found(redis.findings)
  found(await checkDatabase(io.env, folder).catch((error: Error) => [unseen('database', error)]))
  found(await checkRunning(url, api, key.key !== undefined, redis.dispatchers).catch((error: Error) => [unseen('address', error)]))
  const count = findings.filter(({ state }) => state === 'wrong').length
  if (!io.json) io.out(count === 0 ? 'All is well.' : `${count} ${count === 1 ? 'thing is' : 'things are'} wrong.`)
  return count === 0 ? exits.done : exits.refused
}

const unseen = (check: string, error: Error): Finding => wrong(check, `cannot be looked at (${error.message})`, 'mend that first')
const marks = { ok: ['✓', 'green'], note: ['·', 'yellow'], wrong: ['✗', 'red'] } as const

function lineOf(io: Context['io'], { check, state, says, mend }: Finding): string {
  const [mark, style] = marks[state]
  return `${io.paint(style, mark)} ${check.padEnd(13)} ${clean(says)}${mend ? `. Mend: ${clean(mend)}` : ''}`
}
