import { describe, expect, it } from 'vitest'
import { contentHash } from '../../services/ingest/sesam/entity.ts'
import { enrich, Event2Rules, isAllowed, StatusCodes, type LookupResult } from '../../services/ingest/sesam/event2.ts'

const rules = Event2Rules.parse({ criteria: 'company', property: 'subscriptionType' })
const event = (what: string) => ({ _id: '6682673371', subscriptionType: `company.${what}`, portalId: 1 })
const found = { status: 200, body: { id: '6682673371', name: 'Avisa', _id: 'other', _deleted: true, __proto__: { x: 1 } } }
const gone = { status: 404, body: { message: 'not found' } }

describe('enrich', () => {
  it.each<[string, LookupResult, unknown]>([
    ['deletion', gone, { action: 'delete', entity: { _id: '6682673371', _deleted: true } }],
    ['deletion', found, { action: 'delete', entity: { _id: '6682673371', _deleted: true, id: '6682673371', name: 'Avisa' } }],
    ['propertyChange', found, { action: 'upsert', entity: { _id: '6682673371', id: '6682673371', name: 'Avisa' } }],
    ['creation', gone, { action: 'discard' }],
    ['creation', { status: 500, body: {} }, { action: 'retry', reason: 'the lookup answered 500' }],
    ['deletion', { status: 429, body: {} }, { action: 'retry', reason: 'the lookup answered 429' }],
    ['creation', { status: 201, body: {} }, { action: 'retry', reason: 'the lookup answered 201' }],
    ['creation', { error: 'connection refused' }, { action: 'retry', reason: 'connection refused' }],
    ['creation', { status: 200, body: null }, { action: 'upsert', entity: { _id: '6682673371' } }],
    ['creation', { status: 200, body: [{ a: 1, b: 1 }, { a: 2 }, 3] }, { action: 'upsert', entity: { _id: '6682673371', a: 2, b: 1 } }],
  ])('%s, %j', (what, lookup, outcome) => {
    expect(enrich(event(what), lookup, rules)).toEqual(outcome)
  })

  it('takes the codes that are allowed, 404 only among them', () => {
    const strict = { ...rules, allowed_status_codes: '200-299' }
    expect(enrich(event('deletion'), gone, strict).action).toBe('retry')
    expect(enrich(event('creation'), { status: 204, body: '' }, strict).action).toBe('upsert')
  })

  it('reads the type by a path, and knows a deletion only by its whole name', () => {
    const nested = { ...rules, property: 'meta.type' }
    expect(enrich({ _id: '1', meta: { type: 'company.deletion' } }, gone, nested).action).toBe('delete')
    for (const type of ['company.deletion2', 'contact.deletion', 'deletion', null, ['x', 'company.deletion']])
      expect(enrich({ _id: '1', meta: { type } }, gone, nested).action).toBe('discard')
  })
})

describe('status codes', () => {
  it.each([
    [200, '200,404', true],
    [404, '200,404', true],
    [201, '200,404', false],
    [299, '200-299', true],
    [300, '200-299', false],
    [404, '200-299,404', true],
  ])('%i in %s: %s', (status, codes, expected) => {
    expect(isAllowed(status, codes)).toBe(expected)
  })

  it('are refused in any other form', () => {
    for (const codes of ['', '200, 404', '2xx', '200-', '99', '600', '200,,404'])
      expect(StatusCodes.safeParse(codes).success, codes).toBe(false)
  })
})

describe('content of an entity', () => {
  const hash = (text: string) => contentHash(Buffer.from(text))

  it('is the same whatever the order of members and the accounts that Sesam keeps', () => {
    const same = [
      '{"_id":"1","a":1}',
      '{ "a" : 1,\n"_id":"1"}',
      '{"_id":"1","a":1,"_ts":5,"_updated":3,"_hash":"x","_previous":null,"_deleted":false}',
    ]
    expect(new Set(same.map(hash)).size).toBe(1)
  })

  it('is another when a value, a member, the id or the deletion is', () => {
    const texts = [
      '{"_id":"1","a":1}',
      '{"_id":"2","a":1}',
      '{"_id":"1","a":2}',
      '{"_id":"1","a":9007199254740993}',
      '{"_id":"1","a":9007199254740992}',
      '{"_id":"1","a":1,"_deleted":true}',
      '{"_id":"1","b":1}',
      '{"_id":"1"}',
      '{"_id":"1","a":null}',
    ]
    expect(new Set(texts.map(hash)).size).toBe(texts.length)
  })
})
