/** Times, lengths and counts as people read them. */
const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
]
const relativeFormat = new Intl.RelativeTimeFormat('en', { numeric: 'always', style: 'narrow' })
const wholeFormat = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'long' })
const dayFormat = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
})
const numberFormat = new Intl.NumberFormat('en-GB')

export function relative(at: number, now: number): string {
  const distance = at - now
  const [unit, ms] = units.find(([, size]) => Math.abs(distance) >= size) ?? ['second', 1_000]
  if (Math.abs(distance) < 1_000) return 'now'
  return relativeFormat.format(Math.trunc(distance / ms), unit)
}
export const whole = (at: string): string => `${wholeFormat.format(new Date(at))} · ${at}`

/** To the millisecond: within one second much happens. */
export const clockTime = (at: string): string => `${dayFormat.format(new Date(at))}.${at.slice(20, 23)}`

export function duration(ms: number | null): string {
  if (ms === null) return '–'
  if (ms < 1) return '<1 ms'
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${Number((ms / 1_000).toFixed(ms < 10_000 ? 2 : 1))} s`
  if (ms < 3_600_000) return parts([Math.floor(ms / 60_000), 'min'], [Math.round((ms % 60_000) / 1_000), 's'])
  if (ms < 86_400_000) return parts([Math.floor(ms / 3_600_000), 'h'], [Math.round((ms % 3_600_000) / 60_000), 'min'])
  return parts([Math.floor(ms / 86_400_000), 'd'], [Math.round((ms % 86_400_000) / 3_600_000), 'h'])
}

const parts = (...all: [number, string][]) =>
  all
    .filter(([count], i) => i === 0 || count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ')

export function bytes(count: number): string {
  if (count < 1_024) return `${count} B`
  return count < 1_048_576 ? `${(count / 1_024).toFixed(1)} KiB` : `${(count / 1_048_576).toFixed(1)} MiB`
}

export const number = (value: number): string => numberFormat.format(value)
export const percent = (share: number): string => `${(share * 100).toFixed(share > 0.999 && share < 1 ? 2 : 1).replace(/\.0$/, '')} %`
export const plural = (count: number, one: string, many = `${one}s`): string => `${number(count)} ${count === 1 ? one : many}`
