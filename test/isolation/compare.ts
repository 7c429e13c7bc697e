import { percentile } from '../chaos/goals.ts'
import { atMost, type Goal } from '../chaos/scenario.ts'
import { p99OfEach, tenths, type Turns } from './turns.ts'

/** More than a hiccup of a machine that has other things to do, and less than any of the faults that were found. */
const hiccupMs = 500

/**
 * How long the others waited: alone, and beside what disturbs them, both within one run on one machine. In the short form
 * a single hiccup of that machine is the p99 of so few, and a ratio of it means nothing: there it is the difference.
 */
export function p99Goal(what: string, alone: number[], beside: number[], { most, short }: { most: number; short: boolean }): Goal {
  const [before, after] = [percentile(alone, 0.99), percentile(beside, 0.99)]
  if (short) return atMost(`p99 of ${what}, beside − alone, ms`, after - before, hiccupMs)
  return atMost(`p99 of ${what}, beside ÷ alone`, after / before, most)
}

export function compare(
  { alone, beside }: Turns<number>,
  bounds: { most: number; short: boolean },
): { goals: Goal[]; figures: Record<string, unknown> } {
  return {
    goals: [p99Goal('the healthy', alone.flat(), beside.flat(), bounds)],
    figures: { alone: figures(alone), beside: figures(beside), events: alone.flat().length + beside.flat().length },
  }
}

function figures(turns: number[][]) {
  const values = turns.flat()
  const at = (share: number) => tenths(percentile(values, share))
  return { p50: at(0.5), p99: at(0.99), max: at(1), p99OfEach: p99OfEach(turns) }
}
