import { createCatalog } from './catalog.ts'
import type { Random } from './random.ts'
import { hours, type Happening } from './scenes.ts'

export type DayEvent = Happening & {
  id: string
  /** Milliseconds since midnight of the played day. */
  at: number
  time: string
}

export const hourMs = 3_600_000
export const dayMs = 24 * hourMs

/** A Tuesday. Always the same one, so that the same seed gives the same bytes. */
const midnight = Date.UTC(2026, 2, 17)

/** A day of a catalog, in order. The same random numbers give the same day; `run` only begins the ids. */
export function playDay(count: number, run: string, random: Random): DayEvent[] {
  const catalog = createCatalog(random)
  const times = hours.flatMap(({ from, to, scenes }, index) => {
    const first = Math.round(count * shareBefore(index))
    const last = Math.round(count * shareBefore(index + 1))
    return Array.from({ length: last - first }, () => ({ at: Math.round((from + random.next() * (to - from)) * hourMs), scenes }))
  })
  times.sort((a, b) => a.at - b.at)
  return times.map(({ at, scenes }, index) => ({
    id: `${run}-${String(index + 1).padStart(5, '0')}`,
    at,
    time: new Date(midnight + at).toISOString(),
    ...random.weighted(scenes).scene(catalog, random),
  }))
}

const shareBefore = (index: number): number => hours.slice(0, index).reduce((sum, { share }) => sum + share, 0)
export const clockText = (at: number): string => new Date(Math.min(at, dayMs - 1)).toISOString().slice(11, 16)
