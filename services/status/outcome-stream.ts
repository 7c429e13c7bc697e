import type { Redis } from '../../shared/redis.ts'
import { keys, textOfOutcomes } from '../../shared/transport.ts'

/** Outcomes that were told together, as fields of the stream. */
export type Entry = [id: string, fields: string[]]

export type OutcomeStream = {
  /** From the beginning of the stream: what was written before we came counts too. */
  createGroup(): Promise<void>
  /** What nobody has read yet, as much as one transaction takes; `more`: there may be some left. @param atOnce without waiting for any */
  read(atOnce: boolean): Promise<{ entries: Entry[]; more: boolean }>
  /** What this consumer has read and not forgotten, page by page. */
  own(): AsyncIterable<Entry[]>
  /** What has been with another one for so long that it must have died, page by page; it is ours then. */
  abandoned(): AsyncIterable<Entry[]>
  forget(ids: string[]): Promise<void>
  /** Kept for a person to look at. */
  setAside(fields: string[]): Promise<void>
}

const group = 'log'
const blockMs = 250
/** Few, so that the first are decoded while the next come; entries that were told together hold tens of outcomes. */
const pageEntries = 50
/** Of a transaction: about a thousand attempts. Whoever else writes waits until it is done. */
const partChars = 1024 * 1024
const partEntries = 1_000
export const abandonedMs = 15_000

/** @param redis a connection of its own: it blocks while it waits for entries */
export function openOutcomeStream(redis: Redis, prefix: string, consumer: string): OutcomeStream {
  const { outcomes } = keys(prefix)
  const page = ['COUNT', pageEntries] as const

  async function readPage(from: string, block: boolean): Promise<Entry[]> {
    const stream = ['STREAMS', outcomes, from] as const
    const answer = (await (block
      ? redis.xreadgroup('GROUP', group, consumer, ...page, 'BLOCK', blockMs, ...stream)
      : redis.xreadgroup('GROUP', group, consumer, ...page, ...stream))) as [string, Entry[]][] | null
    return answer?.[0]?.[1] ?? []
  }

  return {
    async createGroup() {
      await redis.xgroup('CREATE', outcomes, group, '0', 'MKSTREAM').catch((error: Error) => {
        if (!error.message.includes('BUSYGROUP')) throw error
      })
    },
    async read(atOnce) {
      const entries: Entry[] = []
      for (let chars = 0; ; ) {
        // what is at hand already may be all that is left of a Redis that is gone
        const some = await readPage('>', !atOnce && entries.length === 0).catch((error: unknown) => {
          if (entries.length === 0) throw error
          return []
        })
        entries.push(...some)
        for (const [, fields] of some) chars += textOfOutcomes(fields).length
        if (some.length < pageEntries) return { entries, more: false }
        if (chars >= partChars || entries.length >= partEntries) return { entries, more: true }
      }
    },
    async *own() {
      for (let after = '0'; ; ) {
        const entries = await readPage(after, false)
        if (entries.length === 0) return
        yield entries.filter(isThere)
        after = entries.at(-1)?.[0] as string
      }
    },
    async *abandoned() {
      for (let from = '0'; ; ) {
        const claimed = await redis.xautoclaim(outcomes, group, consumer, abandonedMs, from, ...page)
        const [next, entries] = claimed as [string, Entry[]]
        yield entries.filter(isThere)
        if (next === '0-0') return
        from = next
      }
    },
    async forget(ids) {
      await redis
        .pipeline()
        .xack(outcomes, group, ...ids)
        .xdel(outcomes, ...ids)
        .exec()
    },
    async setAside(fields) {
      await redis.xadd(`${outcomes}:refused`, '*', ...fields)
    },
  }
}

/** One that was deleted is still listed for whoever had read it. */
const isThere = ([, fields]: [string, string[] | null]): boolean => fields !== null && fields.length > 0
