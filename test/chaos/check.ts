import { ownSource } from '../../shared/own-event.ts'
import type { Sent } from './client.ts'
import type { Log, LoggedDelivery } from './log.ts'
import type { Post } from './sinks.ts'

/** What three witnesses say: the client, the sinks, and Tidings itself. */
export type Witnesses = {
  sent: Sent[]
  posts: Post[]
  log: Log
  /** Webhook ids by sink. Each of them is to get every event. */
  webhooks: Map<string, string>
}

export type Findings = {
  /** Events that were answered with 2xx. */
  accepted: number
  /** Pairs of event and sink where the sink has answered 2xx. */
  delivered: number
  /** Accepted, and a sink never answered 2xx for it; or not even stored. */
  lost: number
  /** Stored otherwise than they were sent. */
  altered: number
  /** Received by a sink although nobody sent it, or not signed rightly. */
  unexpected: number
  /** Requests that a sink got and the log has no attempt for. */
  unlogged: number
  /** Attempts that the log calls succeeded and no sink has answered. */
  phantom: number
  /** Neither delivered nor given up. */
  stuck: number
  /** Requests for what the same sink had answered 2xx before. */
  duplicated: number
  /** Deliveries whose end in the log is not what the sink saw. */
  untrue: number
  /** Attempts that the log calls interrupted. */
  interrupted: number
  attempts: number
  posts: number
  /** Up to five of those that are lost, for who looks into it. */
  examples: string[]
}

type Seen = { posts: number; answered: number }
const unseen: Seen = { posts: 0, answered: 0 }
const pair = (eventId: string, webhookId: string) => `${eventId} ${webhookId}`
const isSuccess = ({ answer }: Post) => typeof answer === 'number' && answer >= 200 && answer < 300
const over = (a: number, b: number) => Math.max(0, a - b)
const sum = <T>(list: Iterable<T>, of: (one: T) => number) => [...list].reduce((total, one) => total + of(one), 0)

/** The total-queue model of Jepsen: what went in, what came out, and what the log says of it must be one and the same. */
export function check({ sent, posts, log, webhooks }: Witnesses): Findings {
  const events = new Map(log.events.map((event) => [`${event.source} ${event.key}`, event]))
  const keysSent = new Set(sent.map(({ door, key }) => `${door} ${key}`))
  // Tidings tells of its own work as well, to whoever wants every event
  const known = new Set(
    log.events.filter(({ source, key }) => source === ownSource || keysSent.has(`${source} ${key}`)).map(({ id }) => id),
  )
  const seen = countPosts(posts, webhooks)
  const deliveries = new Map(log.deliveries.map((delivery) => [pair(delivery.eventId, delivery.webhookId), delivery]))
  const seenOf = ({ eventId, webhookId }: LoggedDelivery) => seen.get(pair(eventId, webhookId)) ?? unseen

  const accepted = sent.filter(({ fate }) => fate === 'ok')
  const lost = accepted.flatMap(({ door, key }) => {
    const id = events.get(`${door} ${key}`)?.id
    if (id === undefined) return [`${key}: not stored`]
    const missing = [...webhooks].filter(([, webhookId]) => !seen.get(pair(id, webhookId))?.answered)
    return missing.map(([sink, webhookId]) => `${key} (${id}) to ${sink}: ${deliveries.get(pair(id, webhookId))?.state ?? 'no delivery'}`)
  })
  return {
    accepted: accepted.length,
    delivered: sum(seen.values(), ({ answered }) => Math.min(1, answered)),
    lost: lost.length,
    altered: sent.filter(({ door, key, bodyHash }) => (events.get(`${door} ${key}`)?.bodyHash ?? bodyHash) !== bodyHash).length,
    unexpected: posts.filter(({ id, sink, signed }) => !known.has(id) || !webhooks.has(sink) || !signed).length,
    unlogged: sum(seen, ([key, { posts: made }]) => over(made, deliveries.get(key)?.attempts ?? 0)),
    phantom: sum(log.deliveries, (delivery) => over(delivery.succeeded, seenOf(delivery).answered)),
    stuck: sum(log.deliveries, ({ state }) => Number(isOpen(state))) + sum(log.events, ({ fannedOut }) => Number(!fannedOut)),
    duplicated: sum(seen.values(), ({ answered }) => over(answered, 1)),
    untrue: sum(log.deliveries, (delivery) => Number(isUntrue(delivery, seenOf(delivery)))),
    interrupted: sum(log.deliveries, (delivery) => delivery.interrupted),
    attempts: sum(log.deliveries, (delivery) => delivery.attempts),
    posts: posts.length,
    examples: lost.slice(0, 5),
  }
}

function countPosts(posts: Post[], webhooks: Map<string, string>): Map<string, Seen> {
  const seen = new Map<string, Seen>()
  for (const post of posts) {
    const key = pair(post.id, webhooks.get(post.sink) ?? post.sink)
    const { posts: made, answered } = seen.get(key) ?? unseen
    seen.set(key, { posts: made + 1, answered: answered + Number(isSuccess(post)) })
  }
  return seen
}

const isOpen = (state: string) => state === 'pending' || state === 'retrying'
const isUntrue = ({ state }: LoggedDelivery, { answered }: Seen) => !isOpen(state) && (state === 'succeeded') !== answered > 0
