import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Envelope } from '../../shared/contracts/event.ts'
import type { SubscriptionFilters } from '../../shared/contracts/subscription.ts'
import { explainMatch, globMatches, typeMatches } from '../../shared/match.ts'
import { anEnvelope } from '../support/builders.ts'

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
