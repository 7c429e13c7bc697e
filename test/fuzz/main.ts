import { parseArgs } from 'node:util'
import { fuzz } from './run.ts'
import type { Report } from './verdict.ts'

const usage = `npm run fuzz [-- options]: sends a gateway of its own what nobody should send, and counts what it makes of it

  --requests N   how many requests (20,000)
  --seed S       another seed is other requests, the same one is the same (1)
  --from N       number of the first request, to repeat one that was reported
  --seconds N    ends after this time at the latest, and says so (1,800)
  --json         one JSON object on stdout instead of the table
  --help         this`

const say = (line: string) => void process.stderr.write(`${line}\n`)

/** `npm run fuzz`. Resolves with the exit code: 0 only when nothing was found. */
export async function main(args: string[]): Promise<number> {
  const options = readOptions(args)
  if (options === 'help') {
    process.stdout.write(`${usage}\n`)
    return 0
  }
  if (typeof options === 'string') {
    say(`${options}\n\n${usage}`)
    return 2
  }
  const report = await fuzz({ ...options, onProgress: (done) => say(`  ${done} of ${options.requests} requests`) })
  process.stdout.write(`${options.json ? JSON.stringify(report, null, 2) : render(report)}\n`)
  return report.ok ? 0 : 1
}

type Options = { requests: number; seed: number; from: number; withinSeconds: number; json: boolean }

function readOptions(args: string[]): Options | string {
  const text = { type: 'string' } as const
  try {
    const { values } = parseArgs({
      args,
      options: { requests: text, seed: text, from: text, seconds: text, json: { type: 'boolean' }, help: { type: 'boolean' } },
    })
    if (values.help) return 'help'
    const numbers = {
      requests: values.requests ?? '20000',
      seed: values.seed ?? '1',
      from: values.from ?? '0',
      seconds: values.seconds ?? '1800',
    }
    for (const [name, value] of Object.entries(numbers)) if (!/^\d{1,9}$/.test(value)) return `--${name} ${value}: must be a whole number`
    const { requests, seed, from, seconds } = numbers
    return {
      requests: Number(requests),
      seed: Number(seed),
      from: Number(from),
      withinSeconds: Number(seconds),
      json: values.json ?? false,
    }
  } catch (error) {
    return (error as Error).message
  }
}

function render(report: Report): string {
  const rows: [string, string | number][] = [
    ['requests', `${report.requests} in ${report.seconds} s, seed ${report.seed}, ${report.tricks} kinds`],
    [
      'answers',
      Object.entries(report.answers)
        .map(([status, count]) => `${status}: ${count}`)
        .join('  '),
    ],
    ['5xx', report.fiveHundreds],
    ['crashes', report.crashes],
    ['complaints in the log', report.complaints.length],
    ['growth of the heap', `${report.heapGrowthMiB} MiB (5 at most), ${report.rssMiB} MiB resident`],
    ['events accepted', `${report.accepted}, of which ${report.compared} were read again and compared byte by byte`],
    [
      'misses',
      Object.entries(report.missed)
        .map(([what, count]) => `${what}: ${count}`)
        .join('  ') || 'none',
    ],
  ]
  const lines = rows.map(([name, value]) => `  ${name.padEnd(24)}${value}`)
  return [...lines, ...report.complaints, ...report.misses.map((one) => JSON.stringify(one, null, 2)), report.ok ? 'ok' : 'NOT OK'].join(
    '\n',
  )
}
