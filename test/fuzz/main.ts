import { parseArgs } from 'node:util'
import { fuzzHeaders } from './headers.ts'
import { fuzzNames } from './names.ts'
import { fuzzReceivers } from './receivers.ts'
import { fuzz } from './run.ts'
import { fuzzSignatures } from './signatures.ts'
import { fuzzSlowly } from './slow.ts'
import { fuzzUrls } from './urls.ts'

const usage = `npm run fuzz [-- options]: does to Tidings what nobody should do, and counts what comes of it

  --only V1,V2   some of the parts: V1 forged signatures, V2 requests, V3 slow clients, X1 hostile URLs,
                 X2 lying name servers, X3 hostile receivers, X4 headers of webhooks (all)
  --requests N   how many requests (V2: 20,000)
  --rounds N     deliveries to each hostile receiver (X3: 200)
  --sockets N    slow clients at once (V3: 1,000)
  --seed S       another seed is other attacks, the same one is the same (1)
  --from N       number of the first request, to repeat one that was reported (V2)
  --seconds N    requests end after this time at the latest, and say so (V2: 1,800); slow clients last as long (V3: 120)
  --json         one JSON object on stdout instead of a table
  --help         this`

const say = (line: string) => void process.stderr.write(`${line}\n`)

const counts = { requests: 20_000, rounds: 200, sockets: 1_000, seed: 1, from: 0 }
type Options = typeof counts & { only: string[]; seconds: number | undefined; json: boolean }
type Report = { ok: boolean }
type Part = (options: Options) => Promise<Report>

const parts: Record<string, Part> = {
  V1: ({ seed }) => fuzzSignatures({ cases: 20_000, seed }),
  V2: ({ requests, seed, from, seconds }) =>
    fuzz({ requests, seed, from, withinSeconds: seconds ?? 1_800, onProgress: (done) => say(`  ${done} of ${requests} requests`) }),
  V3: ({ sockets, seconds }) => fuzzSlowly({ sockets, seconds: seconds ?? 120 }),
  X1: () => fuzzUrls(),
  X2: ({ seed }) => fuzzNames({ alternations: 1_000, seed }),
  X3: ({ rounds }) => fuzzReceivers({ times: rounds, deadlineMs: 2_000, lateMs: 500 }),
  X4: ({ seed }) => fuzzHeaders({ cases: 50_000, seed }),
}

/** `npm run fuzz`. Resolves with the exit code: 0 only when nothing was found. */
export async function main(args: string[]): Promise<number> {
  const options = readOptions(args)
  if (typeof options === 'string') {
    if (options === 'help') process.stdout.write(`${usage}\n`)
    else say(`${options}\n\n${usage}`)
    return options === 'help' ? 0 : 2
  }
  const reports: Record<string, Report> = {}
  for (const name of options.only) {
    say(`${name} …`)
    reports[name] = await (parts[name] as Part)(options)
  }
  const ok = Object.values(reports).every((report) => report.ok)
  const all = { ok, node: process.version, ...reports }
  process.stdout.write(`${options.json ? JSON.stringify(all, null, 2) : render(all)}\n`)
  return ok ? 0 : 1
}

function readOptions(args: string[]): Options | string {
  const text = { type: 'string' } as const
  const numbers = { requests: text, rounds: text, sockets: text, seed: text, from: text, seconds: text }
  try {
    const flags = { json: { type: 'boolean' }, help: { type: 'boolean' } } as const
    const { values } = parseArgs({ args, options: { only: text, ...numbers, ...flags } })
    if (values.help) return 'help'
    const only = values.only?.split(',') ?? Object.keys(parts)
    const unknown = only.find((name) => !(name in parts))
    if (unknown !== undefined) return `--only ${unknown}: must be of ${Object.keys(parts).join(', ')}`
    const given = { ...counts, seconds: undefined as number | undefined }
    for (const name of [...Object.keys(counts), 'seconds'] as (keyof typeof given)[]) {
      const value = values[name]
      if (value === undefined) continue
      if (!/^\d{1,9}$/.test(value)) return `--${name} ${value}: must be a whole number`
      if (Number(value) === 0 && ['requests', 'rounds', 'sockets'].includes(name)) return `--${name} ${value}: must be 1 at least`
      given[name] = Number(value)
    }
    return { ...given, only, json: values.json ?? false }
  } catch (error) {
    return (error as Error).message
  }
}

/** Each figure on a line of its own; what was found, whole. */
function render(all: Record<string, unknown>, indent = ''): string {
  return Object.entries(all)
    .map(([name, value]) => {
      const isPart = typeof value === 'object' && value !== null && 'ok' in value
      return isPart ? `${name}\n${render(value as Record<string, unknown>, '  ')}` : `${indent}${name.padEnd(20)}${JSON.stringify(value)}`
    })
    .join('\n')
}
