import type { OutcomeEntry } from './contracts/delivery.ts'
import type { Envelope, Event } from './contracts/event.ts'
import { gather } from './gather.ts'
import { createId } from './id.ts'
import type { Redis } from './redis.ts'
import type { Shards } from './shards.ts'

/**
 * What travels through Redis beside BullMQ's own keys, all of a shard under one hash tag: one copy of each event while a
 * delivery of it is under way, the marks of finished jobs, the outcomes stream, and the registry's version.
 */
export const keys = (prefix: string) => ({
  event: (id: string) => `${prefix}:event:${id}`,
  done: (job: string) => `${prefix}:done:${job}`,
  outcomes: `${prefix}:outcomes`,
  registry: `${prefix}:registry`,
  leader: `${prefix}:leader`,
  /** A count that a dispatcher raises while it runs: gone, or lower than it was, when Redis has lost something. */
  dispatcher: (id: string) => `${prefix}:dispatcher:${id}`,
  /** Of one webhook: its breaker, its rate, the requests under way to it, and the jobs that wait for it outside the queue, or did until now. */
  gate: (webhookId: string) => `${prefix}:gate:${webhookId}`,
  busy: (webhookId: string) => `${prefix}:busy:${webhookId}`,
  out: (webhookId: string) => `${prefix}:out:${webhookId}`,
  parked: (webhookId: string) => `${prefix}:parked:${webhookId}`,
  /** Webhooks for which jobs wait, by the time when it is worth looking. */
  parking: `${prefix}:parking`,
  /** Jobs that are done one after the other, in the order of their events. */
  lane: (lane: string) => `${prefix}:lane:${lane}`,
  /** Dispatchers that run, by the time of their last sign of life. */
  fleet: `${prefix}:fleet`,
  /** Says that every open delivery that is due soon has its job; missing in a Redis that is new or was wiped. */
  epoch: `${prefix}:epoch`,
  /** How many shards there are; in the first of them. */
  shards: `${prefix}:shards`,
})

/** After this a retry reads the event from SQL instead: a long outage of a receiver must not fill Redis. */
const eventSeconds = 3_600
/** Longer than Redis can be away from a dispatcher that has an answer to record. */
export const doneSeconds = 3_600

type EventText = { envelope: Envelope; data: string }

/** Envelope, line feed, data. JSON text of an envelope holds no raw line feed, so the first one divides. */
export const encodeEvent = ({ envelope, data }: EventText): string => `${JSON.stringify(envelope)}\n${data}`

export function decodeEvent(text: string): Event {
  const at = text.indexOf('\n')
  return Object.assign(JSON.parse(text.slice(0, at)) as Envelope, { data: text.slice(at + 1) })
}

type InLane = { jobId: string; eventId: string; batchId?: string | null | undefined }
type Wanted = { eventId: string; webhookId: string }

/** The order within a lane is that of ids that grow with time: the events', or the batches', as they were made. */
export const laneMember = ({ jobId, eventId, batchId }: InLane): string => `${batchId ?? eventId}/${jobId}`

export type Lanes = { enter(waiting: (InLane & { lane: string; webhookId: string })[]): Promise<void> }

/** Lines up before there are jobs, so that none starts before the one in front of it is there. */
export function openLanes(redis: Redis, prefix: string): Lanes {
  const { lane: key } = keys(prefix)
  return {
    async enter(waiting) {
      if (waiting.length === 0) return
      await Promise.all(waiting.map((one) => redis.zadd(key(one.lane), 0, laneMember(one))))
    },
  }
}

/**
 * All of a gate that tells of failures goes; the rest of it is what the webhook allows, which must hold for those that
 * are let out, too, for as long as it was to hold. By the clock of Redis, like all in there.
 * KEYS gate parking · ARGV webhook
 */
const forgive = `
local time, isNew = redis.call('TIME'), redis.call('EXISTS', KEYS[1]) == 0
redis.call('HSET', KEYS[1], 'forgiven', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('HDEL', KEYS[1], 'open', 'probe', 'prober', 'failures', 'since', 'seen', 'bad', 'trips')
if isNew then redis.call('EXPIRE', KEYS[1], 86400) end
redis.call('ZADD', KEYS[2], 'XX', 0, ARGV[1])`

/**
 * Forgives a webhook its failures, those included of what is under way: it was changed, or somebody says that it is well
 * again. What waits for it is looked at at once.
 */
export async function openGate(redis: Redis, prefix: string, webhookId: string): Promise<void> {
  const key = keys(prefix)
  await redis.eval(forgive, 2, key.gate(webhookId), key.parking, webhookId)
}

/** The lanes of all shards, each that of its webhook. */
export const lanesIn = (shards: Shards<Lanes>): Lanes => ({
  async enter(waiting) {
    await Promise.all(shards.divide(waiting, ({ webhookId }) => webhookId).map(([lanes, some]) => lanes.enter(some)))
  },
})

export type Bodies = {
  /** Of these events, those that have deliveries to be made. */
  put(events: EventText[], wanted: Wanted[]): Promise<void>
  unlink(eventIds: string[]): Promise<void>
}

export function openBodies(redis: Redis, prefix: string): Bodies {
  const { event } = keys(prefix)
  return {
    async put(events, wanted) {
      const ids = new Set(wanted.map(({ eventId }) => eventId))
      if (ids.size === 0) return
      const kept = events.filter(({ envelope }) => ids.has(envelope.id))
      await Promise.all(kept.map((one) => redis.set(event(one.envelope.id), encodeEvent(one), 'EX', eventSeconds)))
    },
    async unlink(eventIds) {
      if (eventIds.length > 0) await redis.unlink(...eventIds.map(event))
    },
  }
}

/** Bodies lie with their deliveries: of an event that goes to webhooks of several shards, in each of those. */
export function bodiesIn(shards: Shards<Bodies>): Bodies {
  // each shard's recorder tells of the events that it has seen end, and every shard may have them
  const unlink = gather(async (lists: string[][]) => {
    await Promise.all(shards.all.map((bodies) => bodies.unlink(lists.flat())))
    return lists.map(() => undefined)
  }, unlinkedTogether)
  return {
    async put(events, wanted) {
      await Promise.all(shards.divide(wanted, ({ webhookId }) => webhookId).map(([bodies, some]) => bodies.put(events, some)))
    },
    async unlink(eventIds) {
      if (eventIds.length > 0) await unlink(eventIds).output
    },
  }
}
/** Recorders whose commits end together. */
const unlinkedTogether = 64

/** Tells dispatchers that their copies of webhooks are stale. SQL holds the change already; this only hurries. */
export async function announceRegistry(redis: Redis, prefix: string): Promise<void> {
  // Never a value that was there before: a count would begin anew in a wiped Redis, and an old copy could look fresh.
  await redis.set(keys(prefix).registry, createId())
}

/** An entry of the stream holds the outcomes that were told together, as a JSON array; one alone may stand without it. */
export const outcomeFields = (text: string): [field: string, value: string] => ['o', text]
export const encodeOutcome = (entry: OutcomeEntry): [field: string, value: string] => outcomeFields(JSON.stringify(entry))
export const textOfOutcomes = ([, text = '']: string[]): string => text
export function decodeOutcomes(fields: string[]): OutcomeEntry[] {
  const told = JSON.parse(textOfOutcomes(fields)) as OutcomeEntry | OutcomeEntry[]
  return Array.isArray(told) ? told : [told]
}
