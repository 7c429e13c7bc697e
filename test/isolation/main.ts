import { parseArgs } from 'node:util'
import { describeMachine } from '../chaos/machine.ts'
import { perform, type Performed } from '../chaos/perform.ts'
import { oneHangs } from './scenarios/i1-one-hangs.ts'
import { manyDead } from './scenarios/i2-many-dead.ts'
import { comesBack } from './scenarios/i3-comes-back.ts'
import { oneFloods } from './scenarios/i4-flood.ts'
import { redelivery } from './scenarios/i5-redelivery.ts'

export const scenarios = [oneHangs, manyDead, comesBack, oneFloods, redelivery]

const usage = `npm run isolation [-- options]: whether the trouble of one is felt by the others

  --only I1,I3  these scenarios alone
  --seed S      another course of events (1)
  --short       the form that \`npm test\` runs
  --json        one JSON object on stdout instead of the tables

${scenarios.map(({ name, title }) => `  ${name}  ${title}`).join('\n')}`

/** Resolves with the exit code: 0 only when every goal was met. */
export async function main(args: string[]): Promise<number> {
  const [text, flag] = [{ type: 'string' }, { type: 'boolean' }] as const
  const { values } = parseArgs({ args, options: { only: text, seed: text, short: flag, json: flag, help: flag } })
  const seed = Number(values.seed ?? '1')
  const only = values.only?.toUpperCase().split(',')
  const chosen = scenarios.filter(({ name }) => only?.includes(name) ?? true)
  if (values.help || !Number.isInteger(seed) || chosen.length === 0) {
    process.stdout.write(`${usage}\n`)
    return values.help ? 0 : 2
  }
  const performed: Performed[] = []
  for (const scenario of chosen) {
    process.stderr.write(`${scenario.name} ${scenario.title}\n`)
    const say = (line: string) => void process.stderr.write(`   ${line}\n`)
    const one = await perform(scenario, { seed, minutes: 5, short: values.short ?? false, say })
    performed.push(one)
    if (!values.json) process.stdout.write(`${table(one)}\n`)
  }
  const met = performed.every((one) => one.met)
  if (values.json) process.stdout.write(`${JSON.stringify({ met, seed, ...(await describeMachine()), scenarios: performed }, null, 2)}\n`)
  return met ? 0 : 1
}

const table = ({ goals, figures, tookSeconds }: Performed) =>
  [
    ...goals.map(({ goal, wanted, found, met }) => `  ${met ? '✓' : '✗'} ${goal}: ${found}, wanted ${wanted}`),
    `  ${JSON.stringify(figures)}`,
    `  ${tookSeconds} s`,
  ].join('\n')
