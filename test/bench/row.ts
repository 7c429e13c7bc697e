import { median } from './clock.ts'

/** One line of the table. */
export type Row = {
  name: string
  /** What the figure counts. */
  what: string
  value: number
  unit: string
  /** The peer's figure, measured in the same run. */
  peer?: number
  peerName?: string
  ratio?: number
  goal?: Goal
  /** Undefined where there is no goal. */
  met?: boolean
  notes?: string
  /** Each round's figures, ours and the peer's. */
  rounds?: { ours: number[]; peer: number[] }
}
type Goal = { of: 'ratio' | 'value'; least?: number; most?: number }

type Parts = Omit<Row, 'ratio' | 'met'>

export function row(parts: Parts): Row {
  const ratio = parts.peer === undefined ? undefined : parts.value / parts.peer
  const judged = parts.goal?.of === 'ratio' ? ratio : parts.value
  return { ...parts, ...(ratio !== undefined && { ratio }), ...(parts.goal && { met: isMet(judged ?? Number.NaN, parts.goal) }) }
}

const isMet = (value: number, { least = Number.NEGATIVE_INFINITY, most = Number.POSITIVE_INFINITY }: Goal) =>
  value >= least && value <= most

/** A row of medians over the rounds. */
export const rowOfRounds = (parts: Omit<Parts, 'value' | 'peer'>, ours: number[], peer: number[]): Row =>
  row({ ...parts, value: median(ours), peer: median(peer), rounds: { ours, peer } })

/** For a measurement that did not come to its end. */
export const failedRow = (name: string, error: Error): Row => ({
  name,
  what: 'could not be measured',
  value: Number.NaN,
  unit: '',
  met: false,
  notes: error.message,
})

export function table(rows: Row[]): string {
  const cells = rows.map((one) => [one.name, one.what, figure(one.value, one.unit), peerOf(one), ratioOf(one), goalOf(one), verdict(one)])
  const head = ['', 'measure', 'Tidings', 'peer', 'ratio', 'goal', '']
  const widths = head.map((title, i) => Math.max(title.length, ...cells.map((line) => (line[i] as string).length)))
  const lines = [head, ...cells].map((line) =>
    line
      .map((cell, i) => cell.padEnd(widths[i] as number))
      .join('  ')
      .trimEnd(),
  )
  const notes = rows.filter((one) => one.notes).map((one) => `  ${one.name}: ${one.notes}`)
  return [...lines, '', ...notes].join('\n')
}

const peerOf = ({ peer, peerName = '', unit }: Row) => (peer === undefined ? '' : `${figure(peer, unit)} ${peerName}`)
const ratioOf = ({ ratio }: Row) => (ratio === undefined ? '' : ratio.toFixed(2))
const verdict = ({ met }: Row) => (met === undefined ? '' : met ? 'met' : 'MISSED')

function goalOf({ goal, unit }: Row): string {
  if (!goal) return ''
  const bound = (value: number) => (goal.of === 'ratio' ? value.toString() : figure(value, unit))
  return goal.least === undefined ? `≤ ${bound(goal.most as number)}` : `≥ ${bound(goal.least)}`
}

function figure(value: number, unit: string): string {
  if (Number.isNaN(value)) return '—'
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2
  const [whole, fraction] = value.toFixed(digits).split('.') as [string, string?]
  return `${whole.replace(/\B(?=(\d{3})+$)/g, ',')}${fraction ? `.${fraction}` : ''} ${unit}`.trimEnd()
}
