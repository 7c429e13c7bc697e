import { parseArgs } from 'node:util'
import { deploymentNames, type DeploymentName } from '../support/deployments.ts'
import { scenarios } from './scenarios.ts'

export type Options = {
  minutes: number
  seed: number
  json: boolean
  short: boolean
  only: string[]
  redis: RedisKind
  deployment: DeploymentName
}

/** What Redis is there. */
type RedisKind = 'server' | 'cluster'

/** Options that cannot be used; shown without a stack. */
export class OptionsError extends Error {}

const everywhere = scenarios.filter(({ anywhere }) => anywhere).map(({ name }) => name)

export const usage = `npm run chaos [-- options]: does harm to a Tidings of its own, and checks that nothing is lost

  --minutes N  how long the crash storm lasts (5); the others last in proportion. All together take about six times that
  --seed S     another seed is another course of events (1). What depends on the clock of this machine is not repeated
  --only R1,R7 these scenarios alone
  --redis cluster  on three masters with a replica each, and six shards
  --deployment scale  on Postgres and such a cluster, with 2 ingest, 4 dispatchers and 2 status (small: on SQLite and one Redis)
               These two are for ${everywhere.join(', ')}; the others are passed over
  --short      the form that \`npm test\` runs, a few seconds each
  --json       one JSON object on stdout instead of the tables
  --help       this

${scenarios.map(({ name, title }) => `  ${name.padEnd(4)} ${title}`).join('\n')}`

/** Undefined when only help was asked for. */
export function readOptions(args: string[]): Options | undefined {
  const values = parse(args)
  if (values.help) return undefined
  const minutes = Number(values.minutes ?? '5')
  if (!(minutes > 0 && minutes <= 240)) throw new OptionsError(`--minutes ${values.minutes}: must be a number above 0, at most 240`)
  const seed = Number(values.seed ?? '1')
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32)
    throw new OptionsError(`--seed ${values.seed}: must be a whole number from 0 to ${2 ** 32 - 1}`)
  const deployment = deploymentNames.find((name) => name === (values.deployment ?? 'small'))
  if (!deployment) throw new OptionsError(`--deployment ${values.deployment}: there is ${deploymentNames.join(', and ')}`)
  const redis = values.redis ?? (deployment === 'scale' ? 'cluster' : 'server')
  if (redis !== 'server' && redis !== 'cluster') throw new OptionsError(`--redis ${redis}: there is server, and cluster`)
  if (redis === 'server' && deployment === 'scale') throw new OptionsError('--redis server: the scale deployment has a cluster')
  return { minutes, seed, json: values.json ?? false, short: values.short ?? false, only: namesIn(values.only), redis, deployment }
}

function namesIn(text: string | undefined): string[] {
  const known = scenarios.map(({ name }) => name)
  if (text === undefined) return known
  const names = text.split(',').map((name) => name.trim().toUpperCase())
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new OptionsError(`--only ${unknown}: there is ${known.join(', ')}`)
  return known.filter((name) => names.includes(name))
}

function parse(args: string[]) {
  const [text, flag] = [{ type: 'string' }, { type: 'boolean' }] as const
  try {
    const options = { minutes: text, seed: text, only: text, redis: text, deployment: text, json: flag, short: flag, help: flag }
    return parseArgs({ args, options }).values
  } catch (error) {
    throw new OptionsError(`${(error as Error).message}\n\n${usage}`)
  }
}
