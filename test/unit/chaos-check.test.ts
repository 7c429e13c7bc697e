import { describe, expect, it } from 'vitest'
import { check, type Witnesses } from '../chaos/check.ts'
import type { Sent } from '../chaos/client.ts'
import type { LoggedDelivery, LoggedEvent } from '../chaos/log.ts'
import type { Post } from '../chaos/sinks.ts'

const aSent = (members: Partial<Sent> = {}): Sent => ({ door: 'api', key: 'k', bodyHash: 'hash', fate: 'ok', acceptedAt: 1, ...members })
const anEvent = (members: Partial<LoggedEvent> = {}): LoggedEvent => ({
  id: 'e',
  source: 'api',
  key: 'k',
  bodyHash: 'hash',
  fannedOut: true,
  ...members,
})
const aDelivery = (members: Partial<LoggedDelivery> = {}): LoggedDelivery => ({
  eventId: 'e',
  webhookId: 'w',
  state: 'succeeded',
  attempts: 1,
  succeeded: 1,
  interrupted: 0,
  unfinished: 0,
  ...members,
})
const aPost = (members: Partial<Post> = {}): Post => ({ sink: 's', id: 'e', at: 1, signed: true, answer: 200, ...members })
const witnesses = (members: Partial<Witnesses> = {}): Witnesses => ({
  sent: [aSent()],
  posts: [aPost()],
  log: { events: [anEvent()], deliveries: [aDelivery()] },
  webhooks: new Map([['s', 'w']]),
  ...members,
})
const logOf = (event: Partial<LoggedEvent>, delivery: Partial<LoggedDelivery> = {}) => ({
  events: [anEvent(event)],
  deliveries: [aDelivery(delivery)],
})
const counted = ['lost', 'altered', 'unexpected', 'unlogged', 'phantom', 'stuck', 'duplicated', 'untrue'] as const
const faults = (given: Witnesses) => {
  const found = check(given)
  return Object.fromEntries(counted.filter((name) => found[name] > 0).map((name) => [name, found[name]]))
}

describe('what the witnesses say, compared', () => {
  it('is without fault when all of them say the same', () => {
    expect(faults(witnesses())).toEqual({})
    expect(check(witnesses())).toMatchObject({ accepted: 1, delivered: 1, attempts: 1, posts: 1 })
  })

  it.each<[string, Partial<Witnesses>, Record<string, number>]>([
    ['an accepted event that no sink got', { posts: [] }, { lost: 1, phantom: 1, untrue: 1 }],
    ['an accepted event that is not stored', { posts: [], log: { events: [], deliveries: [] } }, { lost: 1 }],
    ['an event without a delivery', { posts: [], log: { events: [anEvent()], deliveries: [] } }, { lost: 1 }],
    ['one that a sink got and never took', { posts: [aPost({ answer: 500 })] }, { lost: 1, phantom: 1, untrue: 1 }],
    ['an event stored otherwise than it was sent', { log: logOf({ bodyHash: 'other' }) }, { altered: 1 }],
    ['one that nobody sent', { sent: [] }, { unexpected: 1 }],
    ['one that is not signed', { posts: [aPost({ signed: false })] }, { unexpected: 1 }],
    ['a request that is not in the log', { log: logOf({}, { attempts: 0, succeeded: 0 }) }, { unlogged: 1 }],
    ['a success that no sink saw', { log: logOf({}, { attempts: 2, succeeded: 2 }) }, { phantom: 1 }],
    ['a delivery without an end', { log: logOf({}, { state: 'retrying' }) }, { stuck: 1 }],
    ['an event that was not fanned out', { log: logOf({ fannedOut: false }) }, { stuck: 1 }],
    ['a request made again', { posts: [aPost(), aPost()], log: logOf({}, { attempts: 2 }) }, { duplicated: 1 }],
    ['an end in the log that is not the truth', { log: logOf({}, { state: 'failed', succeeded: 0 }) }, { untrue: 1 }],
  ])('finds %s', (_, members, expected) => expect(faults(witnesses(members))).toEqual(expected))

  it('counts a request made again after a failure as no duplicate', () => {
    const posts = [aPost({ answer: 503 }), aPost({ answer: 'reset' }), aPost()]
    expect(faults(witnesses({ posts, log: logOf({}, { attempts: 3 }) }))).toEqual({})
  })

  it('takes an event whose request was broken off either way', () => {
    const sent = [aSent({ fate: 'unknown' })]
    expect(faults(witnesses({ sent }))).toEqual({})
    expect(faults(witnesses({ sent, posts: [], log: { events: [], deliveries: [] } }))).toEqual({})
  })
})
