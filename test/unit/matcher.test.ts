import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Envelope } from '../../shared/contracts/event.ts'
import type { Subscription } from '../../shared/contracts/subscription.ts'
import { explainMatch } from '../../shared/match.ts'
import { createMatcher } from '../../shared/matcher.ts'
import { ownSource } from '../../shared/own-event.ts'
import { aSubscription, anEnvelope } from '../support/builders.ts'

const orders = anEnvelope({
  type: 'table.updated',
  source: 'warehouse',
  entity: { type: 'table', name: 'warehouse.sales.orders', domain: 'Sales' },
})

describe('createMatcher', () => {
  it('gathers the subscriptions of a webhook that want an event, and leaves out who does not', () => {
    const matcher = createMatcher(7, [
      aSubscription({ id: 's1', webhookId: 'w1', eventType: 'table.updated' }),
      aSubscription({ id: 's2', webhookId: 'w1', eventType: '*' }),
      aSubscription({ id: 's3', webhookId: 'w2', eventType: 'table.*', filters: { domains: ['HR'] } }),
      aSubscription({ id: 's4', webhookId: 'w3', eventType: 'table.*' }),
    ])

    expect(matcher.version).toBe(7)
    expect(matcher.match(orders)).toEqual(
      new Map([
        ['w1', ['s1', 's2']],
        ['w3', ['s4']],
      ]),
    )
  })

  it('never gives an event of one organization to another', () => {
    const matcher = createMatcher(1, [aSubscription({ organizationId: 'other', eventType: '*' })])

    expect(matcher.match(orders).size).toBe(0)
  })

  it('finds exactly what explaining each subscription finds', () => {
    const word = fc.constantFrom('table', 'column', 'updated')
    const type = fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join('.'))
    const pattern = fc.oneof(
      type,
      type.map((text) => `${text}.*`),
      word.map((text) => `*.${text}`),
      fc.constant('*'),
    )
    const values = fc.option(fc.uniqueArray(fc.constantFrom('a', 'b', 'a*'), { minLength: 1 }), { nil: undefined })
    const some = fc.option(fc.constantFrom('a', 'b', 'ab', 'abab', 'a.b', 'ab.ab.b', 'S."a.b"', 'abababab', 'abbab.abababba.ab'), {
      nil: undefined,
    })
    const globs = fc.uniqueArray(
      fc
        .array(fc.constantFrom('a', 'b', '.', '*', '?', 'ab', 'abab', 'abababba'), { minLength: 1, maxLength: 6 })
        .map((parts) => parts.join('')),
      { minLength: 1, maxLength: 3 },
    )
    const openMetadata = fc.record({
      include: fc.uniqueArray(fc.constantFrom('domain:a', 'domain:b', 'domain:a.b', 'tags'), { maxLength: 2 }),
    })
    const about = { id: fc.constantFrom('w1', 'elsewhere'), source: fc.constantFrom('warehouse', ownSource) }
    const event = fc.record({ type, organizationId: fc.constantFrom('o1', 'o2'), domain: some, name: some, tags: values, ...about })
    const subscription = fc.record({
      organizationId: fc.constantFrom('o1', 'o2'),
      webhookId: fc.constantFrom('w1', 'w2', 'w3'),
      eventType: pattern,
      filters: fc.record({
        domains: values,
        names: fc.option(globs, { nil: undefined }),
        tags: values,
        open_metadata: fc.option(openMetadata, { nil: undefined }),
      }),
    })
    fc.assert(
      fc.property(event, fc.array(subscription, { maxLength: 12 }), ({ type, organizationId, source, id, domain, name, tags }, wishes) => {
        const envelope = anEnvelope({ type, organizationId, source, entity: present({ type: 'table', id, domain, name, tags }) })
        const subscriptions = wishes.map((wish, i) => aSubscription({ ...wish, id: `s${i}`, filters: present(wish.filters) }))

        expect(sorted(createMatcher(1, subscriptions).match(envelope))).toEqual(sorted(explainedOneByOne(envelope, subscriptions)))
      }),
      { numRuns: 3_000 },
    )
  })
})

/** JSON, in which these things are stored, has no undefined. */
const present = <T extends object>(value: T) => JSON.parse(JSON.stringify(value)) as { [K in keyof T]: Exclude<T[K], undefined> }

function explainedOneByOne(event: Envelope, subscriptions: Subscription[]): Map<string, string[]> {
  const wanted = subscriptions.filter((one) => one.organizationId === event.organizationId && explainMatch(event, one).matched)
  return new Map(wanted.map(({ webhookId }) => [webhookId, wanted.filter((one) => one.webhookId === webhookId).map((one) => one.id)]))
}

const sorted = (matched: Map<string, string[]>) => [...matched].map(([id, ids]) => [id, [...ids].sort()]).sort()
