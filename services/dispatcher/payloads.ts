import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../../shared/clock.ts'
import type { SendResult } from '../../shared/contracts/delivery.ts'
import type { Event } from '../../shared/contracts/event.ts'
import type { Format, Payload, RenderContext } from '../../shared/payload/format.ts'
import type { Registry } from '../../shared/registry.ts'
import type { Storage } from '../../shared/storage/storage.ts'
import type { OpenWebhook } from './webhooks.ts'

export type HashedPayload = Payload & { hash: string }

export type Payloads = {
  /** The event, if this process has it. */
  held(eventId: string): Event | undefined
  /** Keeps the event that Redis gave, or reads it from SQL where Redis has it no more. */
  hold(eventId: string, fromRedis: Event | undefined): Promise<Event | undefined>
  /**
   * Rendered once for each event and format, however many webhooks get it, unless the format looks at the webhook. A
   * webhook that asked for batches gets the form of a batch even for one event.
   */
  render(events: Event[], webhook: OpenWebhook, secrets: string[], recipients?: RenderContext['recipients']): HashedPayload
  /** What the answer means to the service that the format is for; some say "no" with a 200. */
  judge(result: SendResult, format: string): SendResult
}

const hashed = (payload: Payload): HashedPayload => ({ hash: hash('sha256', payload.body), ...payload })

/**
 * Held for those that get the same event at about the same time. Kept for longer, each would be moved among what lives long, and
 * what dies there is found by a collection that stops the process for a tenth of a second.
 */
const held = { maxSize: 32 * 1_048_576, ttl: 1_000, ttlResolution: 0, updateAgeOnGet: true }
const purgeEveryMs = 500

export function holdPayloads(
  storage: Pick<Storage, 'events'>,
  formats: Registry<Format>,
  perf: Pick<Clock, 'now'> = performance,
): Payloads {
  const events = new LRUCache<string, Event>({ ...held, perf, sizeCalculation: (event) => event.data.length + 1_000 })
  const payloads = new LRUCache<string, HashedPayload>({ ...held, perf, sizeCalculation: (payload) => payload.body.length + 200 })

  let purgeAt = 0

  /** One whose time is over stays until somebody asks for it, which nobody does. */
  function purge(now = perf.now()): void {
    if (now < purgeAt) return
    purgeAt = now + purgeEveryMs
    events.purgeStale()
    payloads.purgeStale()
  }

  return {
    held: (eventId) => events.get(eventId),
    async hold(eventId, fromRedis) {
      purge()
      const event = fromRedis ?? (await fromSql(eventId))
      if (event) events.set(eventId, event)
      return event
    },
    render(list, webhook, secrets, recipients) {
      const format = formats.get(webhook.format)
      const context = { webhook, settings: webhook.formatSettings, secrets, ...(recipients && { recipients }) }
      if (webhook.batchSize > 1 && format.renderBatch) return hashed(format.renderBatch(list, context))
      const [event, ...others] = list
      if (!event || others.length > 0) throw new Error(`the format "${format.name}" has no form for several events`)
      const isOwn = format.perWebhook || recipients !== undefined
      const key = `${event.id} ${format.name}`
      const known = isOwn ? undefined : payloads.get(key)
      if (known) return known
      const payload = hashed(format.render(event, context))
      if (!isOwn) payloads.set(key, payload)
      return payload
    },
    judge(result, name) {
      const { judge } = formats.get(name)
      if (!judge || result.statusCode === undefined) return result
      const { outcome, permanent, reason } = judge({ statusCode: result.statusCode, body: result.responseBody ?? '' })
      return { ...result, outcome, ...(permanent && { permanent }), ...(reason && { error: reason }) }
    },
  }

  async function fromSql(eventId: string): Promise<Event | undefined> {
    const stored = await storage.events.load(eventId)
    return stored && { ...stored.envelope, data: stored.data }
  }
}
