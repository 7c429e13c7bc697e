import { clockText, dayMs } from './day.ts'

/** What is seen while the day is played. */
export type View = {
  title: string
  at: number
  events: number
  accepted: number
  receivers: { label: string; matched: number; delivered: number; retrying: number; failed: number }[]
}
export type Progress = { say(line: string): void; stop(): void }
type Stream = { write(text: string): unknown; isTTY?: boolean; columns?: number }

const barCells = 24
const blockEveryMs = 150
const lineEveryMs = 1_000

/** On a terminal a block that is drawn over itself; elsewhere, where lines stay, one a second. */
export function showProgress(stream: Stream, view: () => View | undefined): Progress {
  const moving = stream.isTTY === true
  let drawn = 0
  const erase = () => {
    if (drawn > 0) stream.write(`\x1b[${drawn}A\x1b[J`)
    drawn = 0
  }
  const draw = () => {
    const now = view()
    if (!now) return
    if (!moving) return void stream.write(`${lineOf(now)}\n`)
    const lines = blockOf(now).map((line) => line.slice(0, (stream.columns ?? 80) - 1))
    erase()
    stream.write(`${lines.join('\n')}\n`)
    drawn = lines.length
  }
  const timer = setInterval(draw, moving ? blockEveryMs : lineEveryMs)
  return {
    say(line) {
      erase()
      stream.write(`${line}\n`)
    },
    stop() {
      clearInterval(timer)
      erase()
    },
  }
}

const total = ({ receivers }: View, what: 'delivered' | 'retrying' | 'failed') =>
  receivers.reduce((sum, receiver) => sum + receiver[what], 0)
const summary = (view: View) =>
  `accepted ${view.accepted}/${view.events}  delivered ${total(view, 'delivered')}  retrying ${total(view, 'retrying')}  failed ${total(view, 'failed')}`
const lineOf = (view: View) => `${clockText(view.at)}  ${view.title.padEnd(14)}${summary(view)}`

function blockOf(view: View): string[] {
  const names = Math.max(...view.receivers.map(({ label }) => label.length))
  const rows = view.receivers.map(({ label, matched, delivered, retrying, failed }) => {
    const counts = `${String(delivered).padStart(5)}${retrying > 0 ? `  retrying ${retrying}` : ''}${failed > 0 ? `  failed ${failed}` : ''}`
    return `  ${label.padEnd(names)}  ${bar(matched === 0 ? 0 : delivered / matched)}${counts}`
  })
  return [`${clockText(view.at)}  ${view.title.padEnd(14)}${bar(view.at / dayMs)}  ${summary(view)}`, ...rows]
}

const bar = (share: number): string => {
  const full = Math.round(Math.min(1, share) * barCells)
  return `${'█'.repeat(full)}${'░'.repeat(barCells - full)}`
}
