import { setTimeout as wait } from 'node:timers/promises'

/** Microseconds of a clock that all processes of a machine share and nobody sets. */
export const nowUs = (): number => Number(process.hrtime.bigint() / 1_000n)

export const median = (values: number[]): number => quantile(values, 0.5)

/** The nearest value that stands in the list. */
export function quantile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** Asks again and again until it holds. Whatever hangs, the benchmark does not. */
export async function until(what: string, holds: () => Promise<boolean>, { withinMs = 120_000, everyMs = 10 } = {}): Promise<void> {
  for (const end = Date.now() + withinMs; !(await holds()); await wait(everyMs)) {
    if (Date.now() > end) throw new Error(`waited ${withinMs / 1000} s for this: ${what}`)
  }
}
