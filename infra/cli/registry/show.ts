import type { Io } from '../common/io.ts'
import { clean } from '../common/print.ts'
import { isDifferent, type Change } from './plan.ts'

const signs = { create: ['+', 'green'], change: ['~', 'yellow'], delete: ['-', 'red'], keep: ['=', 'dim'] } as const
/** Values of these members, and those of secrets by their name, are said to differ and not shown. */
const secret = /secret|token|password|key|auth|header/i

export function changeLines(io: Io, change: Change): string[] {
  const [sign, style] = signs[change.action]
  const width = Math.max(0, ...change.differences.map(({ member }) => member.length))
  return [
    io.paint(style, `${sign} ${change.kind} ${clean(change.name)}`),
    ...change.differences.map(({ member, from, to }) => {
      const [before, after] = secret.test(member) ? ['[hidden]', '[hidden]'] : [short(from), short(to)]
      return `    ${member.padEnd(width)}  ${from === null && member.includes('.') ? '(not there)' : before} → ${to === null && member.includes('.') ? '(removed)' : after}`
    }),
  ]
}

const mostCharacters = 100
function short(value: unknown): string {
  const text = clean(JSON.stringify(value) ?? 'null')
  return text.length > mostCharacters ? `${text.slice(0, mostCharacters)}…` : text
}

export function showPlan(io: Io, changes: Change[], { secrets }: { secrets: boolean }): void {
  if (io.json)
    return changes.forEach(({ kind, name, action, differences, unseen }) =>
      io.out(JSON.stringify({ kind, name, action, differences: differences.map(withoutSecrets), unseen })),
    )
  for (const change of changes.filter(isDifferent)) changeLines(io, change).forEach((line) => io.out(line))
  const count = (action: Change['action']) => changes.filter((change) => change.action === action).length
  io.out(`${count('create')} to create, ${count('change')} to change, ${count('delete')} to delete, ${count('keep')} as they should be`)
  const unseen = changes.filter((change) => change.action !== 'create' && change.unseen.length > 0)
  if (unseen.length > 0 && !secrets)
    io.say(
      `Not compared, since Tidings shows no secret: ${unseen.map(({ name, unseen: members }) => `${clean(name)} (${members.join(', ')})`).join(', ')}. \`tidings apply --secrets\` sends them again.`,
    )
}

const withoutSecrets = ({ member, from, to }: Change['differences'][number]) =>
  secret.test(member) ? { member, from: from === null ? null : '[hidden]', to: to === null ? null : '[hidden]' } : { member, from, to }
