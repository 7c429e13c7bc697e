import type { Check } from './account.ts'
import type { Mended } from './evening.ts'
import type { Figures, Latency } from './figures.ts'

/** All that the demo found out; what `--json` prints. */
export type Report = {
  ok: boolean
  seed: number
  seconds: number
  tidings: { url: string; own: boolean; redis: string | null; running: boolean }
  /** `repeated`: requests that were sent twice, as by a catalog that did not hear the answer. */
  total: { accepted: number; requests: number; repeated: number } & Figures
  webhooks: ({ id: string; label: string; note: string } & Figures)[]
  /** Accepted events by the words they came in. */
  told: Record<string, number>
  mended: Mended | null
  checks: Check[]
  look: { docs: string; queues: string; log: string; delivery: string | null }
}

const columns: [string, (figures: Figures) => string][] = [
  ['matched', ({ matched }) => String(matched)],
  ['delivered', ({ delivered }) => String(delivered)],
  ['retried', ({ retried }) => String(retried)],
  ['failed', ({ failed }) => String(failed)],
  ['redelivered', ({ redelivered }) => String(redelivered)],
  ['duplicates', ({ duplicates }) => String(duplicates)],
  ['p50', (figures) => millis(figures.first_attempt, 'p50_ms')],
  ['p99', (figures) => millis(figures.first_attempt, 'p99_ms')],
  ['all p50', (figures) => millis(figures.overall, 'p50_ms')],
  ['all p99', (figures) => millis(figures.overall, 'p99_ms')],
]
const millis = (latency: Latency, which: 'p50_ms' | 'p99_ms') => (latency[which] === null ? '–' : `${latency[which]} ms`)

function table({ webhooks, total }: Report): string {
  const head = ['webhook', 'accepted', ...columns.map(([name]) => name)]
  const rows = webhooks.map((webhook) => [webhook.label, '', ...columns.map(([, show]) => show(webhook))])
  const sums = ['total', String(total.accepted), ...columns.map(([, show]) => show(total))]
  const widths = head.map((_, column) => Math.max(...[head, ...rows, sums].map((row) => (row[column] as string).length)))
  const pad = (cell: string, column: number) => (column === 0 ? cell.padEnd(widths[0] as number) : cell.padStart(widths[column] as number))
  const line = (row: string[]) => row.map(pad).join('  ')
  const rule = '─'.repeat(line(head).length)
  return [line(head), rule, ...rows.map(line), rule, line(sums)].join('\n')
}

const legend = [
  'retried: requests made again · failed: deliveries that had used up their attempts when the day was over',
  'p50, p99: from accept to delivery, of what succeeded at the first attempt',
  'all p50, all p99: of every delivery, with the waits for retries and for mending',
]

function accounts({ checks }: Report): string[] {
  const wrong = checks.filter(({ ok }) => !ok)
  if (wrong.length === 0) return ['Accounted for:', ...checks.map(({ check }) => `  ✓ ${check}`)]
  return [
    'NOT accounted for:',
    ...wrong.map(({ check, wrong: count, examples }) => `  ✗ ${check}: not so ${count} times, e.g. ${examples.join(' · ')}`),
  ]
}

/** The report for a person. */
export function render(report: Report): string {
  const { total, told, seconds, mended } = report
  const words = Object.entries(told)
    .sort((a, b) => b[1] - a[1])
    .map(([name, count]) => `${name} ${count}`)
  const lines = [
    `${total.accepted} events in ${total.requests} requests, ${total.repeated} of them sent twice, in ${seconds.toFixed(1)} s.`,
    `Told as ${words.join(', ')}.`,
    ...(mended ? [`After "${mended.receiver}" was mended: 1 delivery was redelivered by its id, ${mended.redelivered} by a filter.`] : []),
    '',
    table(report),
    '',
    ...legend,
    '',
    ...accounts(report),
  ]
  return lines.join('\n')
}

/** Where to look at what is still running. */
export function whereToLook({ look, tidings }: Report): string {
  if (!tidings.running) return 'Nothing of it is left. To look at a day in the API, the log and the queues: npm run demo -- --keep'
  const rows = [
    ['Docs', look.docs],
    ['Queues', `${look.queues}  (user: any, password: the key)`],
    ['Log', look.log],
    ['Delivery', look.delivery ?? 'none'],
  ]
  return ['Look at it:', ...rows.map(([name, text]) => `  ${(name as string).padEnd(10)}${text}`)].join('\n')
}
