import type { Redis } from 'ioredis'
import type { OutcomeEntry } from '../../shared/contracts/delivery.ts'
import type { Event } from '../../shared/contracts/event.ts'
import type { Logger } from '../../shared/logger.ts'
import type { Retell, Told } from './retell.ts'
import { decodeEvent, doneSeconds, encodeOutcome, keys } from '../../shared/transport.ts'

type Started = Extract<OutcomeEntry, { kind: 'started' }>

/** What Redis said when an attempt was about to begin. `stale`: the registry moved on, nothing was begun. */
export type Begun = { kind: 'begun'; event: Event | undefined } | { kind: 'done' } | { kind: 'stale'; version: string }

export type Report = {
  /** One round trip: is the job done already, is the webhook's copy fresh, the event, and the mark that an attempt starts. */
  begin(input: {
    job: string
    eventId: string
    wantEvent: boolean
    version: string
    /** Left out: only look. */
    entry?: Started
  }): Promise<Begun>
  /** Repeats until Redis has it: an answer that was received must not be forgotten. */
  finish(entry: OutcomeEntry, done?: { job: string }): Promise<void>
}

/** All in one script, so that no attempt is marked as started when it should not be, and none is made unmarked. */
const beginScript = `
if redis.call('EXISTS', KEYS[1]) == 1 then return {'done'} end
local version = redis.call('GET', KEYS[3]) or '0'
if version ~= ARGV[1] then return {'stale', version} end
if ARGV[3] then redis.call('XADD', KEYS[4], '*', ARGV[3], ARGV[4]) end
return {'begun', ARGV[2] == '1' and redis.call('GET', KEYS[2]) or false}`

const pauseMs = 250

export function openReport(redis: Redis, prefix: string, retell: Pick<Retell, 'keep'>, log: Logger): Report {
  const key = keys(prefix)
  redis.defineCommand('tidingsBegin', { numberOfKeys: 4, lua: beginScript })
  const scripted = redis as Redis & { tidingsBegin(...args: string[]): Promise<[string, string | null]> }

  async function write({ fields, done }: Told): Promise<void> {
    const transaction = redis.multi().xadd(key.outcomes, '*', ...fields)
    if (done) transaction.set(key.done(done), '1', 'EX', doneSeconds)
    for (const [error] of (await transaction.exec()) ?? []) if (error) throw error
  }

  return {
    async begin({ job, eventId, wantEvent, version, entry }) {
      const names = [key.done(job), key.event(eventId), key.registry, key.outcomes]
      const fields = entry && encodeOutcome(entry)
      const [kind, value] = await scripted.tidingsBegin(...names, version, wantEvent ? '1' : '0', ...(fields ?? []))
      if (kind === 'done') return { kind }
      if (kind === 'stale') return { kind, version: value ?? '0' }
      if (fields) retell.keep({ fields })
      return { kind: 'begun', event: value ? decodeEvent(value) : undefined }
    },
    async finish(entry, done) {
      const told: Told = { fields: encodeOutcome(entry), done: done?.job }
      retell.keep(told)
      for (;;) {
        try {
          return await write(told)
        } catch (error) {
          log.warn({ err: error, deliveryId: entry.deliveryId }, 'outcome not recorded yet, will be repeated')
          await new Promise((resolve) => setTimeout(resolve, pauseMs))
        }
      }
    },
  }
}
