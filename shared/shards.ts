import type { RedisTarget } from './redis.ts'

/**
 * The work in Redis, divided by webhooks: all that is touched together lies in one shard, and a shard in one slot of a
 * cluster. There is one `T` for each; nobody but who makes them knows how many.
 */
export type Shards<T> = {
  all: readonly T[]
  /** That of a webhook, always the same one. */
  of(webhookId: string): T
  /** Divides a list by the shards of its webhooks; a shard that gets nothing is left out. */
  divide<I>(items: readonly I[], webhookOf: (item: I) => string): [shard: T, items: I[]][]
  map<U>(make: (shard: T, index: number, count: number) => U): Shards<U>
}

export function shardsOf<T>(all: readonly T[]): Shards<T> {
  const of = (webhookId: string): T => all[indexOf(webhookId, all.length)] as T
  return {
    all,
    of,
    divide(items, webhookOf) {
      const divided = new Map<T, (typeof items)[number][]>()
      for (const item of items) {
        const shard = of(webhookOf(item))
        const known = divided.get(shard)
        if (known) known.push(item)
        else divided.set(shard, [item])
      }
      return [...divided]
    },
    map: (make) => shardsOf(all.map((shard, i) => make(shard, i, all.length))),
  }
}

/** Where each shard lies. */
export const shardTargets = (target: RedisTarget, count: number): Shards<RedisTarget> =>
  shardsOf(shardPrefixes(target.prefix, count).map((prefix) => ({ ...target, prefix })))

const indexOf = (webhookId: string, count: number): number => (count === 1 ? 0 : checksum(webhookId) % count)

const slots = 16_384
/** How far from its place a shard may be: near enough for each of a few masters to have its share, and soon found. */
const slack = 8

/**
 * The first is the prefix itself, so that one shard is what there was before there were shards. The others have hash
 * tags whose slots divide the circle of slots evenly, so that masters with equal parts of it have equal parts of the work.
 */
export function shardPrefixes(prefix: string, count: number): string[] {
  const tag = prefix.slice(1, -1)
  const first = slotOf(tag)
  return Array.from({ length: count }, (_, i) => {
    if (i === 0) return prefix
    const wanted = (first + Math.round((i * slots) / count)) % slots
    for (let n = 0; ; n++) {
      const one = `${tag}:d${i}-${n}`
      if ((slotOf(one) - wanted + slack + slots) % slots <= 2 * slack) return `{${one}}`
    }
  })
}

export const slotOf = (tag: string): number => checksum(tag) % slots

/** CRC16 (XMODEM), by which a cluster places its keys. */
function checksum(text: string): number {
  let sum = 0
  for (const byte of Buffer.from(text)) {
    sum ^= byte << 8
    for (let bit = 0; bit < 8; bit++) sum = sum & 0x8000 ? (sum << 1) ^ 0x1021 : sum << 1
  }
  return sum & 0xffff
}

/** So much of a whole for one of several, as evenly as it goes, and never nothing. */
export const shareOf = (whole: number, count: number, index: number): number =>
  Math.max(1, Math.floor(whole / count) + (index < whole % count ? 1 : 0))
