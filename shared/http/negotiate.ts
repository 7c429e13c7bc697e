import type { Context } from 'hono'
import { accepts } from 'hono/accepts'

/**
 * Which of our media types the caller likes best (RFC 9110 §12.5.1): each has the weight of the most specific range that
 * names it; of equals the first of ours. Who wants none of them gets the first, as one who says nothing does.
 */
export const negotiate = <T extends string>(c: Context, supports: readonly [T, ...T[]]): T =>
  accepts(c, { header: 'Accept', supports: [...supports], default: supports[0], match: (ranges) => preferred(ranges, supports) }) as T

type Accept = { type: string; q: number }

function preferred(ranges: Accept[], [first, ...others]: readonly [string, ...string[]]): string {
  const weigh = (type: string) => ({ type, weight: weightOf(type, ranges) })
  return others.map(weigh).reduce((best, one) => (one.weight > best.weight ? one : best), weigh(first)).type
}

function weightOf(type: string, ranges: Accept[]): number {
  const [main = ''] = type.split('/')
  const named = [type, `${main}/*`, '*/*'].map((range) => ranges.find((one) => one.type.toLowerCase() === range))
  return named.find((range) => range !== undefined)?.q ?? 0
}
