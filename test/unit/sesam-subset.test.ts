import { describe, expect, it } from 'vitest'
import { inSubset, Subset, type SubsetExpression } from '../../services/ingest/sesam/subset.ts'

const entity = {
  _id: '1',
  type: 'company.creation',
  portalId: 26525078,
  tags: ['a_sport', 'b_sport'],
  address: { country: 'NO' },
  orders: [{ id: 1 }, { id: 2 }, {}],
  nothing: null,
  literal: '_S',
}
const holds = (expression: SubsetExpression[]) => inSubset(Subset.parse(expression) as SubsetExpression, entity)
const matches = (pattern: string, values: SubsetExpression) => holds(['eq', ['matches', pattern, values], true])

describe('matches', () => {
  it.each<[string, SubsetExpression, boolean]>([
    ['company.*', ['list', '_S.type'], true],
    ['company.*', ['list', 'company.creation', 'company.deletion'], true],
    ['company.*', ['list', 'company.creation', 'contact.creation'], false],
    ['company.*', ['list', 'companyXcreation'], false],
    ['Company.*', ['list', '_S.type'], false],
    ['a??', 'abc', true],
    ['a??', 'ab', false],
    ['a*p*a', ['list', 'alpha', 'alpaca'], true],
    ['*_sport', '_S.tags', true],
    ['*_sport', ['list', '_S.tags'], true],
    ['a_sport', '_S.tags', false],
    ['*', null, false],
    ['*', ['list'], false],
    ['*', '_S.missing', false],
    ['*', ['list', null], false],
    ['*', ['list', 1], false],
    ['*', ['list', 'a', true], false],
    ['[ab]', 'a', false],
  ])('%s on %j is %s', (pattern, values, expected) => {
    expect(matches(pattern, values)).toBe(expected)
  })
})

describe('subset', () => {
  it.each<[SubsetExpression[], boolean]>([
    [['eq', '_S.portalId', 26525078], true],
    [['eq', '_S.portalId', '26525078'], false],
    [['eq', '_S.portalId', ['integer', '26525078']], true],
    [['eq', ['integer', 'x'], null], true],
    [['eq', '_S.tags', ['list', 'a_sport', 'b_sport']], true],
    [['eq', '_S.tags', 'a_sport'], false],
    [['eq', '_S.type', ['list', 'company.creation']], true],
    [['eq', '_S.address.country', 'NO'], true],
    [['eq', '_S.address', '_S.address'], true],
    [['eq', '_S.orders.id', ['list', 1, 2]], true],
    [['eq', '_S.missing', '_S.nothing'], true],
    [['neq', '_S.missing', 'x'], true],
    [['neq', '_S.type', 'company.creation'], false],
    [['eq', '_S.literal', '_S'], true],
    [['eq', '_S.constructor', null], true],
    [['and', ['eq', ['matches', 'company.*', ['list', '_S.type']], true], ['eq', '_S.portalId', ['integer', '26525078']]], true],
    [['and', ['eq', 1, 1], ['eq', 1, 2]], false],
    [['or', ['eq', 1, 2], ['eq', 1, 1]], true],
    [['not', ['eq', 1, 2]], true],
    [['if', ['eq', 1, 1], ['eq', 2, 2], ['eq', 2, 3]], true],
    [['if', ['eq', 1, 2], ['eq', 2, 2]], false],
    // only what is true belongs to it, and not what merely is something
    [['list', true], false],
    [['if', ['eq', 1, 1], 'true'], false],
  ])('%j is %s', (expression, expected) => {
    expect(holds(expression)).toBe(expected)
  })

  it.each([
    ['_S.a'],
    [[]],
    [['eq', 1]],
    [['eq', 1, 2, 3]],
    [['concat', 'a', 'b']],
    [['constructor', 1]],
    [['eq', ['nope'], 1]],
    [['eq', { a: 1 }, 1]],
    [[['eq', 1, 1]]],
    [null],
  ])('refuses %j when it is registered', (expression) => {
    expect(Subset.safeParse(expression).success).toBe(false)
  })

  it('refuses what is nested too deep', () => {
    let deep: unknown = true
    for (let i = 0; i < 1000; i++) deep = ['list', deep]
    expect(Subset.safeParse(deep).error?.issues[0]?.message).toContain('20 deep')
  })
})
