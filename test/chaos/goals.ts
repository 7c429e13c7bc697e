import type { Asked } from './client.ts'
import { none, type Goal } from './scenario.ts'
import type { Findings, World } from './world.ts'

/** What every scenario has to keep, whatever it does. */
export const nothingLost = (found: Findings): Goal[] => [
  none('lost', found.lost),
  none('altered', found.altered),
  none('unexpected', found.unexpected),
  none('unlogged', found.unlogged),
  none('phantom', found.phantom),
  none('stuck', found.stuck),
  none('log ≠ truth', found.untrue),
  none('out of balance in GET /ledger', found.unbalanced),
  none('outcomes put aside', found.aside),
]

/** Among requests that did not touch a time in which ingest was away. */
export function availability(asked: Asked[], outages: World['outages']): number {
  const outside = asked.filter(({ at, ms }) => !outages.some(({ from, to }) => at <= to && at + ms >= from))
  return outside.filter(({ status }) => status >= 200 && status < 300).length / Math.max(1, outside.length)
}

export function percentile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

export const percent = (share: number) => `${(share * 100).toFixed(2)} %`

/** How often each was struck, and in which way. */
export function countStrikes({ strikes }: World): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { on, how } of strikes) counts[`${how} ${on}`] = (counts[`${how} ${on}`] ?? 0) + 1
  return counts
}

/** Without the examples, where there are none. */
export const figuresOf = ({ examples, ...counts }: Findings) => ({ ...counts, ...(examples.length > 0 && { examples }) })
