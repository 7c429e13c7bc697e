import type { Random } from '../../infra/demo/random.ts'

/** More of what chance decides, over the numbers that a seed gives. */
export const maybe = (random: Random, probability: number): boolean => random.next() < probability

export const bytesOf = (random: Random, count: number): Buffer => Buffer.from(Array.from({ length: count }, () => random.between(0, 255)))

export const uuidOf = (random: Random): string => {
  const hex = bytesOf(random, 16).toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20)].join('-')
}
