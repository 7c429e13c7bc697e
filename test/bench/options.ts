import { parseArgs } from 'node:util'
import { deploymentNames, type DeploymentName } from '../support/deployments.ts'

export type Options = {
  quick: boolean
  json: boolean
  profile: boolean
  only: string[]
  deployment: DeploymentName
  peer: string | undefined
  /** Deliveries over which `memory` watches the processes. */
  deliveries: number | undefined
  sinkPort: number
}

/** A mistake in the arguments, said without a stack. */
export class BenchError extends Error {}

export const usage = (names: string[]) => `npm run bench [-- options]: measures Tidings against its peers, in one run on this machine

  --quick         shorter rounds, one of each: under a minute
  --json          one JSON object on stdout instead of the table
  --only NAME     one measurement, or several with commas: ${names.join(', ')}
  --deployment X  small, on SQLite and one Redis; or scale, on Postgres and a cluster of three, with 2 ingest, 4 dispatchers, 2 status (small)
  --peer X        also another HTTP sender, to which X leads: its URL, or a file with a template of the request (see test/bench/README.md)
  --sink-port N   where that sender delivers to (8499)
  --deliveries N  how many deliveries \`memory\` watches the processes over (100000)
  --profile       where the time of a delivery goes, instead of measuring
  --help          this`

/** Undefined when only help was asked for. */
export function readOptions(args: string[], names: string[]): Options | undefined {
  const values = parse(args, names)
  if (values.help) return undefined
  const only = values.only?.split(',').filter(Boolean) ?? []
  const unknown = only.find((name) => !names.includes(name))
  if (unknown) throw new BenchError(`--only ${unknown}: there are ${names.join(', ')}`)
  const deployment = deploymentNames.find((name) => name === (values.deployment ?? 'small'))
  if (!deployment) throw new BenchError(`--deployment ${values.deployment}: there are ${deploymentNames.join(' and ')}`)
  if (deployment !== 'small' && values.profile) throw new BenchError('--profile: it is of the small deployment alone')
  return {
    deployment,
    quick: values.quick ?? false,
    json: values.json ?? false,
    profile: values.profile ?? false,
    only,
    peer: values.peer,
    deliveries: values.deliveries === undefined ? undefined : wholeNumber('--deliveries', values.deliveries, 1_000, 100_000_000),
    sinkPort: wholeNumber('--sink-port', values['sink-port'] ?? '8499', 1, 65_535),
  }
}

function parse(args: string[], names: string[]) {
  const [text, flag] = [{ type: 'string' }, { type: 'boolean' }] as const
  const options = {
    only: text,
    deployment: text,
    peer: text,
    'sink-port': text,
    deliveries: text,
    quick: flag,
    json: flag,
    profile: flag,
    help: flag,
  }
  try {
    return parseArgs({ args, options }).values
  } catch (error) {
    throw new BenchError(`${(error as Error).message}\n\n${usage(names)}`)
  }
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const number = Number(text)
  if (/^\d+$/.test(text) && number >= least && number <= most) return number
  throw new BenchError(`${name} ${text}: must be a whole number from ${least} to ${most}`)
}
