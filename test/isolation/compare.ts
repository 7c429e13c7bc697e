import { percentile } from '../chaos/goals.ts'
import { atMost, type Goal } from '../chaos/scenario.ts'

/** How long the healthy ones waited: alone, and beside what disturbs them. Both within one run, on one machine. */
export function compare(alone: number[], beside: number[], most: number): { goals: Goal[]; figures: Record<string, unknown> } {
  const [before, after] = [percentile(alone, 0.99), percentile(beside, 0.99)]
  // times are whole milliseconds: a difference of one of them is no difference
  const ratio = Math.max(1, after - 1) / Math.max(1, before)
  return {
    goals: [atMost('p99 of the healthy, beside ÷ alone', ratio, most)],
    figures: { alone: figures(alone), beside: figures(beside), events: alone.length + beside.length },
  }
}

const figures = (values: number[]) => ({ p50: percentile(values, 0.5), p99: percentile(values, 0.99), max: percentile(values, 1) })
