import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Envelope } from '../../shared/contracts/event.ts'
import type { Subscription, SubscriptionFilters } from '../../shared/contracts/subscription.ts'
import { createMatcher, explainMatch, globMatches, typeMatches } from '../../shared/match.ts'
import { ownSource } from '../../shared/own-event.ts'
import { aSubscription, anEnvelope } from '../support/builders.ts'

const orders = anEnvelope({
  type: 'table.updated',
  source: 'warehouse',
  entity: {
    type: 'table',
    name: 'warehouse.sales.orders',
    domain: 'Sales',
    owners: ['ada', 'team-sales'],
    tags: ['PII.Sensitive', 'Tier.Gold'],
  },
})
const bare = anEnvelope({ type: 'table.updated', source: 'warehouse' })
const explain = (filters: SubscriptionFilters, event: Envelope = orders) => explainMatch(event, { webhookId: 'w', eventType: '*', filters })

describe('typeMatches', () => {
  it.each([
    ['*', 'table.updated', true],
    ['*', 'x', true],
    ['table.updated', 'table.updated', true],
    ['table.updated', 'table.updated.late', false],
    ['table.updated', 'table.created', false],
    ['table.updated', 'Table.Updated', false],
    ['table.*', 'table.updated', true],
    ['table.*', 'table.column.added', true],
    ['table.column.*', 'table.column.added', true],
    ['table.column.*', 'table.updated', false],
    ['table.*', 'table', false],
    ['table.*', 'tables.updated', false],
    ['table.*', 'my.table.updated', false],
    ['table', 'table.updated', false],
    ['*.updated', 'table.updated', true],
    ['*.updated', 'my.table.updated', true],
    ['*.updated', 'updated', false],
    ['*.updated', 'table.not-updated', false],
  ])('%s covers %s: %s', (pattern, type, covers) => {
    expect(typeMatches(pattern, type)).toBe(covers)
  })
})

describe('globMatches', () => {
  it.each([
    ['warehouse.sales.*', 'warehouse.sales.orders', true],
    ['warehouse.sales.*', 'warehouse.sales.', true],
    ['warehouse.sales.*', 'warehouse.sale', false],
    ['*.orders', 'warehouse.sales.orders', true],
    ['*.orders', 'warehouse.sales.orders_old', false],
    ['warehouse.*.orders', 'warehouse.sales.eu.orders', true],
    ['*sales*', 'warehouse.sales.orders', true],
    ['warehouse.sales.order?', 'warehouse.sales.orders', true],
    ['warehouse.sales.orders?', 'warehouse.sales.orders', false],
    ['*', '', true],
    ['', '', true],
    ['', 'a', false],
    ['?', '', false],
    ['**', 'anything', true],
    ['a*b*c', 'axbxbxc', true],
    ['a*b*c', 'axbxb', false],
    ['Warehouse.*', 'warehouse.sales', false],
    ['a.c', 'abc', false],
    ['[ab]', 'a', false],
    ['a+', 'aa', false],
    ['(a|b)$', 'a', false],
    ['(a|b)$', '(a|b)$', true],
  ])('%s on %s: %s', (glob, text, matches) => {
    expect(globMatches(glob, text)).toBe(matches)
  })

  it('agrees with a regular expression made of the glob', () => {
    const letters = (alphabet: string[]) => fc.string({ unit: fc.constantFrom(...alphabet), maxLength: 12 })
    fc.assert(
      fc.property(letters(['a', 'b', '.', '*', '?']), letters(['a', 'b', '.']), (glob, text) => {
        const pattern = glob.replace(/[.]/g, '\\.').replace(/\?/g, '.').replace(/\*/g, '.*')
        expect(globMatches(glob, text)).toBe(new RegExp(`^${pattern}$`).test(text))
      }),
      { numRuns: 2_000 },
    )
  })

  // a matcher that tries every way would still be at it when the sun has gone out
  it.each([
    ['many stars', `${'a*'.repeat(1_000)}b`, 'a'.repeat(3_072)],
    ['stars in pairs', `${'**a'.repeat(1_000)}b`, 'a'.repeat(3_072)],
    ['a long literal after a star', `*${'a'.repeat(1_500)}b`, 'a'.repeat(3_072)],
    ['question marks between stars', `${'*?'.repeat(1_500)}b`, 'a'.repeat(3_072)],
  ])('gives up quickly on %s', (_title, glob, text) => {
    const startedAt = performance.now()

    expect(globMatches(glob, text)).toBe(false)
    expect(performance.now() - startedAt).toBeLessThan(500)
  })
})

describe('explainMatch', () => {
  it('needs no filter', () => {
    expect(explainMatch(orders, { webhookId: 'w', eventType: 'table.*', filters: {} })).toEqual({
      matched: true,
      reason: '"table.*" covers the type',
    })
  })

  it('names the type when that is what does not fit', () => {
    expect(explainMatch(orders, { webhookId: 'w', eventType: 'dashboard.*', filters: { tags: ['nothing'] } })).toEqual({
      matched: false,
      clause: 'event_type',
      reason: 'the type "table.updated" is not covered by "dashboard.*"',
    })
  })

  it.each<[Exclude<keyof SubscriptionFilters, 'open_metadata'>, string[], string[]]>([
    ['sources', ['warehouse'], ['lake']],
    ['entity_types', ['dashboard', 'table'], ['dashboard']],
    ['names', ['warehouse.sales.*'], ['warehouse.hr.*']],
    ['domains', ['Sales'], ['sales']],
    ['owners', ['team-sales'], ['team']],
    ['tags', ['Tier.Gold', 'Tier.Silver'], ['Tier.*']],
  ])('looks at %s: any value may hold, and a value is taken literally except in names', (clause, holding, failing) => {
    expect(explain({ [clause]: holding })).toEqual({ matched: true, reason: `"*" covers the type, and these hold: ${clause}` })
    expect(explain({ [clause]: failing })).toMatchObject({ matched: false, clause })
  })

  it.each(['entity_types', 'names', 'domains', 'owners', 'tags'] as const)(
    'does not match an event that has none of what %s asks for',
    (clause) => {
      expect(explain({ [clause]: ['*'] }, bare)).toEqual({ matched: false, clause, reason: 'the event has none, wanted is "*"' })
    },
  )

  it('wants all clauses to hold and names those that do', () => {
    expect(explain({ domains: ['Sales'], tags: ['Tier.Gold'] })).toEqual({
      matched: true,
      reason: '"*" covers the type, and these hold: domains, tags',
    })
  })

  it('names the first clause that does not hold, with what the event has and what is wanted', () => {
    expect(explain({ domains: ['Sales'], owners: ['bob'], tags: ['Tier.Iron', 'Tier.Tin'] })).toEqual({
      matched: false,
      clause: 'owners',
      reason: 'the event has "ada" or "team-sales", wanted is "bob"',
    })
  })
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
    const some = fc.option(fc.constantFrom('a', 'b', 'ab', 'abab', 'a.b', 'ab.ab.b', 'S."a.b"'), { nil: undefined })
    const globs = fc.uniqueArray(
      fc.array(fc.constantFrom('a', 'b', '.', '*', '?', 'ab'), { minLength: 1, maxLength: 6 }).map((parts) => parts.join('')),
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
