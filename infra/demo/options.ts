import { parseArgs } from 'node:util'
import { DemoError } from './api.ts'

export type Options = {
  json: boolean
  keep: boolean
  anyway: boolean
  events: number
  seed: number
  given: { url: string; key: string } | undefined
}

export const usage = `npm run demo [-- options]: plays a day of a data catalog through Tidings and checks the accounts

  --events N   how many events the day has (600)
  --seed S     another seed is another day, the same one is the same (1)
  --json       one JSON object on stdout instead of the table
  --keep       keeps the Tidings of the demo running at the end, to look at it
  --url U --key K
               plays through a Tidings that runs already, with a key that may ingest and write. It must run on this
               machine and allow loopback: ALLOWED_ADDRESSES=127.0.0.0/8
  --anyway     with --url: although other webhooks are there, which get the day's events too
  --help       this`

/** Undefined when only help was asked for. */
export function readOptions(args: string[]): Options | undefined {
  const values = parse(args)
  if (values.help) return undefined
  if ((values.url === undefined) !== (values.key === undefined)) throw new DemoError('--url and --key go together')
  return {
    json: values.json ?? false,
    keep: values.keep ?? false,
    anyway: values.anyway ?? false,
    events: wholeNumber('--events', values.events ?? '600', 1, 100_000),
    seed: wholeNumber('--seed', values.seed ?? '1', 0, 2 ** 32 - 1),
    given: values.url !== undefined && values.key !== undefined ? { url: origin(values.url), key: values.key } : undefined,
  }
}

function parse(args: string[]) {
  const [text, flag] = [{ type: 'string' }, { type: 'boolean' }] as const
  const options = { events: text, seed: text, url: text, key: text, json: flag, keep: flag, anyway: flag, help: flag }
  try {
    return parseArgs({ args, options }).values
  } catch (error) {
    throw new DemoError(`${(error as Error).message}\n\n${usage}`)
  }
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const number = Number(text)
  if (/^\d+$/.test(text) && number >= least && number <= most) return number
  throw new DemoError(`${name} ${text}: must be a whole number from ${least} to ${most}`)
}

function origin(url: string): string {
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url.replace(/\/+$/, '')
  throw new DemoError(`--url ${url}: must be an http or https URL`)
}
