import { misused } from './fail.ts'

const units: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

/** `2s`, `1.5h` → milliseconds. */
export function durationOf(text: string, flag: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|w)$/.exec(text.trim()) ?? []
  if (number === undefined || unit === undefined)
    throw misused(`${flag} ${text}: must be a number and a unit, such as 500ms, 30s, 10m, 2h, 7d`)
  return Number(number) * (units[unit] as number)
}

/** A moment, or how long ago it was → ISO 8601. */
export function momentOf(text: string, flag: string, now: number): string {
  if (/^\d+(\.\d+)?[a-z]+$/.test(text)) return new Date(now - durationOf(text, flag)).toISOString()
  const at = Date.parse(text)
  if (Number.isNaN(at)) throw misused(`${flag} ${text}: must be a time such as 2026-04-15T09:00:00Z, a date, or how long ago: 10m, 2h, 7d`)
  return new Date(at).toISOString()
}
