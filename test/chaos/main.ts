import { findDeployment, MissingEngine, onCluster, type Deployment } from '../support/deployments.ts'
import { OptionsError, readOptions, usage, type Options } from './options.ts'
import { describeMachine } from './machine.ts'
import { perform, type Performed } from './perform.ts'
import { scenarios } from './scenarios.ts'

const say = (line: string) => void process.stderr.write(`${line}\n`)

/** `npm run chaos`. Resolves with the exit code: 0 only when every goal of every scenario was met. */
export async function main(args: string[]): Promise<number> {
  try {
    const options = readOptions(args)
    if (options) return (await performAll(options)) ? 0 : 1
    process.stdout.write(`${usage}\n`)
    return 0
  } catch (error) {
    if (!(error instanceof OptionsError || error instanceof MissingEngine)) throw error
    say(error.message)
    return 2
  }
}

async function performAll(options: Options): Promise<boolean> {
  const { minutes, seed, json, short, only, redis, deployment } = options
  const ground = await groundOf(options)
  const performed: Performed[] = []
  for (const scenario of scenarios.filter(({ name }) => only.includes(name))) {
    say(`${scenario.name} ${scenario.title} (seed ${seed})`)
    const one = await perform(scenario, { seed, minutes, short, ground, say: (line) => say(`   ${line}`) })
    performed.push(one)
    // with --json the object comes at the very end, and is not all there is should it never come to that
    if (json) say(table(one))
    else process.stdout.write(`${table(one)}\n`)
  }
  const met = performed.every((one) => one.met)
  if (json)
    process.stdout.write(
      `${JSON.stringify({ met, minutes, seed, short, deployment, redis, ...(await describeMachine()), scenarios: performed }, null, 2)}\n`,
    )
  else process.stdout.write(`${summary(performed)}\n`)
  return met
}

/** Undefined: what every scenario stands on where nothing is said. */
async function groundOf({ deployment, redis }: Options): Promise<Deployment | undefined> {
  if (deployment === 'scale') return findDeployment(deployment, { durable: true })
  return redis === 'cluster' ? onCluster() : undefined
}

function table({ scenario, skipped, known, met, goals, figures, tookSeconds }: Performed): string {
  if (skipped) return `  ${scenario} skipped: ${skipped}`
  const width = Math.max(...goals.map(({ goal }) => goal.length))
  const rows = goals.map(
    ({ goal, wanted, found, ...one }) => `  ${one.met ? '✓' : '✗'} ${goal.padEnd(width)}  ${String(found).padEnd(12)} wanted ${wanted}`,
  )
  return [...rows, ...(known && !met ? [`  known: ${known}`] : []), `  ${JSON.stringify(figures)}`, `  ${tookSeconds} s`].join('\n')
}

function summary(performed: Performed[]): string {
  const missed = performed.filter(({ met }) => !met).map(({ scenario }) => scenario)
  const skipped = performed.filter((one) => one.skipped).map(({ scenario }) => scenario)
  const parts = [
    `${performed.length - missed.length - skipped.length} of ${performed.length} scenarios met their goals`,
    ...(missed.length > 0 ? [`missed: ${missed.join(', ')}`] : []),
    ...(skipped.length > 0 ? [`skipped: ${skipped.join(', ')}`] : []),
  ]
  return parts.join('; ')
}
