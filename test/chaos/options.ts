import { parseArgs } from 'node:util'
import type { RedisKind } from './scenario.ts'
import { scenarios } from './scenarios.ts'

export type Options = { minutes: number; seed: number; json: boolean; short: boolean; only: string[]; redis: RedisKind }

/** Options that cannot be used; shown without a stack. */
export class OptionsError extends Error {}

export const usage = `npm run chaos [-- options]: does harm to a Tidings of its own, and checks that nothing is lost

  --minutes N  how long the crash storm lasts (5); the others last in proportion. All together take about six times that
  --seed S     another seed is another course of events (1). What depends on the clock of this machine is not repeated
  --only R1,R7 these scenarios alone
  --redis cluster  R1 and R2 on three masters with a replica each, and six shards; all others have one server as ever
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
  const redis = values.redis ?? 'server'
  if (redis !== 'server' && redis !== 'cluster') throw new OptionsError(`--redis ${redis}: there is server, and cluster`)
  return { minutes, seed, json: values.json ?? false, short: values.short ?? false, only: namesIn(values.only), redis }
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
    return parseArgs({ args, options: { minutes: text, seed: text, only: text, redis: text, json: flag, short: flag, help: flag } }).values
  } catch (error) {
    throw new OptionsError(`${(error as Error).message}\n\n${usage}`)
  }
}
