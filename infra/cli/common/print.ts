import type { Io } from './io.ts'

/** Texts of sources and receivers may hold what would steer a terminal. */
export const clean = (text: string): string =>
  // oxlint-disable-next-line no-control-regex
  text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (c) =>
    c === '\n' || c === '\t' ? ' ' : `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )

export const textOf = (value: unknown): string =>
  value === null || value === undefined ? '' : typeof value === 'string' ? clean(value) : clean(JSON.stringify(value))

/** A list: one JSON object a line, or a table. */
export function printList<T extends object>(io: Io, rows: T[], columns: Record<string, (row: T) => unknown>): void {
  if (io.json) return rows.forEach((row) => io.out(JSON.stringify(row)))
  if (rows.length === 0) return io.say('There is none.')
  const cells = rows.map((row) => Object.values(columns).map((of) => textOf(of(row))))
  const heads = Object.keys(columns)
  const widths = heads.map((head, i) => Math.max(head.length, ...cells.map((line) => line[i]?.length ?? 0)))
  const line = (texts: string[]) =>
    texts
      .map((text, i) => (i < heads.length - 1 ? text.padEnd(widths[i] ?? 0) : text))
      .join('  ')
      .trimEnd()
  io.out(io.paint('bold', line(heads)))
  for (const texts of cells) io.out(line(texts))
}

/** One record: JSON, or a name and value a line. */
export function printRecord(io: Io, record: object): void {
  if (io.json) return io.out(JSON.stringify(record))
  const members = Object.entries(record).filter(([, value]) => !isEmpty(value))
  const width = Math.max(...members.map(([name]) => name.length))
  for (const [name, value] of members) io.out(`${io.paint('dim', name.padEnd(width))}  ${textOf(value)}`)
}

const isEmpty = (value: unknown) => value === null || value === undefined || (typeof value === 'object' && Object.keys(value).length === 0)

const styles = { succeeded: 'green', failed: 'red', cancelled: 'magenta', retrying: 'yellow', pending: 'cyan' } as const
export const paintStatus = (io: Io, status: string): string => io.paint(styles[status as keyof typeof styles] ?? 'bold', status.padEnd(9))

/** `2026-04-15T09:00:03.120Z` → the time of this place, as a log has it. */
export const clock = (iso: string): string => {
  const at = new Date(iso)
  const two = (n: number, digits = 2) => String(n).padStart(digits, '0')
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${two(at.getMilliseconds(), 3)}`
}
