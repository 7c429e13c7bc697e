import { describe, expect, it } from 'vitest'
import { Lookup, StatusCodes } from '../../shared/contracts/lookup.ts'
import { complete, isAllowed, lookupDelay, lookupUrl, type LookupAnswer } from '../../services/ingest/lookup.ts'
import { changeBetween } from '../../services/ingest/sesam/change.ts'
import { canonicalMembers, contentHash, readVersion } from '../../services/ingest/sesam/entity.ts'

const rulesOf = (more: Record<string, unknown> = {}) =>
  Lookup.parse({
    url: 'https://api.example.com/{id}',
    allowed_status_codes: '200,404',
    deletion: { property: 'subscriptionType', matches: 'company.deletion' },
    ...more,
  })
const id = '6682673371'
const partial = (event: Record<string, unknown>, type = 'company.updated') => ({
  draft: { type, entity: { type: 'company', id } },
  raw: Buffer.from(JSON.stringify({ _id: id, ...event })),
})
const event = (what: string) => partial({ subscriptionType: `company.${what}`, portalId: 1 })
const answer = (status: number, body: unknown): LookupAnswer => ({
  status,
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
})
const found = answer(200, '{"id":"6682673371","name":"Avisa","_id":"other","_deleted":true,"__proto__":{"x":1}}')
const gone = answer(404, { message: 'not found' })
const retry = (reason: string) => ({ action: 'retry', reason })

/** What comes of it, with the text of the event as it reads. */
function outcome(of: ReturnType<typeof partial>, looked: LookupAnswer, rules = rulesOf()): Record<string, unknown> {
  const result = complete(of, looked, rules)
  if (result.action !== 'accept') return result
  return { action: result.deleted ? 'delete' : 'upsert', entity: JSON.parse(result.text) as unknown }
}

describe('what follows from a partial event and its lookup', () => {
  it.each<[string, LookupAnswer, unknown]>([
    ['deletion', gone, { action: 'delete', entity: { _id: id, _deleted: true } }],
    ['deletion', found, { action: 'delete', entity: { _id: id, _deleted: true, id, name: 'Avisa' } }],
    ['propertyChange', found, { action: 'upsert', entity: { _id: id, id, name: 'Avisa' } }],
    ['creation', gone, { action: 'discard', reason: 'the lookup answered 404: the entity is not there' }],
    ['creation', answer(500, {}), retry('the lookup answered 500')],
    ['deletion', answer(429, {}), retry('the lookup answered 429')],
    ['creation', answer(201, {}), retry('the lookup answered 201')],
    ['creation', { error: 'connection refused' }, retry('connection refused')],
    ['creation', answer(200, 'null'), { action: 'upsert', entity: { _id: id } }],
    ['creation', answer(200, ''), { action: 'upsert', entity: { _id: id } }],
    ['creation', answer(200, '[{"a":1,"b":1},{"a":2},3]'), { action: 'upsert', entity: { _id: id, a: 2, b: 1 } }],
  ])('%s, %j', (what, looked, expected) => {
    expect(outcome(event(what), looked)).toEqual(expected)
  })

  it('keeps numbers as they are written, and tries again what cannot be read', () => {
    expect(complete(event('creation'), answer(200, '{"n":12345678901234567890}'), rulesOf())).toMatchObject({
      text: `{"_id":"${id}","n":12345678901234567890}`,
    })
    expect(outcome(event('creation'), answer(200, '<html>'))).toMatchObject({
      action: 'retry',
      reason: expect.stringContaining('cannot be read'),
    })
  })

  it('takes the codes that are allowed, 404 only among them', () => {
    const strict = rulesOf({ allowed_status_codes: '200-299' })
    expect(outcome(event('deletion'), gone, strict).action).toBe('retry')
    expect(outcome(event('creation'), answer(204, ''), strict).action).toBe('upsert')
  })

  it('reads the type by a path, and knows a deletion only by its whole name', () => {
    const nested = rulesOf({ deletion: { property: 'meta.type', matches: 'company.deletion' } })
    expect(outcome(partial({ meta: { type: 'company.deletion' } }), gone, nested).action).toBe('delete')
    for (const type of ['company.deletion2', 'contact.deletion', 'deletion', null, ['x', 'company.deletion']])
      expect(outcome(partial({ meta: { type } }), gone, nested).action).toBe('discard')
  })

  it('knows a deletion without a rule by the type of the event, or by `_deleted`', () => {
    const without = rulesOf({ deletion: undefined })
    for (const type of ['company.deletion', 'table.deleted']) expect(outcome(partial({}, type), gone, without).action).toBe('delete')
    expect(outcome(partial({ _deleted: true }), gone, without).action).toBe('delete')
    expect(outcome(partial({}, 'table.undeleted'), gone, without).action).toBe('discard')
  })

  it('keeps the event and adds the answer where it is not to be merged', () => {
    const apart = rulesOf({ merge: false, response_property: 'looked' })
    const expected = { _id: id, subscriptionType: 'company.creation', portalId: 1, looked: { a: 1 } }
    expect(outcome(event('creation'), answer(200, { a: 1 }), apart)).toEqual({ action: 'upsert', entity: expected })
    expect(outcome(event('deletion'), gone, apart)).toMatchObject({ entity: { _deleted: true, looked: null } })
  })

  it('keeps what is not there where it is not to be discarded', () => {
    expect(outcome(event('creation'), gone, rulesOf({ discard: false }))).toEqual({ action: 'upsert', entity: { _id: id } })
  })
})

describe('the URL of a lookup', () => {
  const of = (
    template: string,
    raw = '{"objectId":9007199254740993,"a":{"b":"x/y ?"},"dots":"..","empty":""}',
    entityId: string | undefined = 'i d/1',
  ) =>
    lookupUrl(template, { draft: { type: 'company.creation', entity: { type: 'company', id: entityId as string } }, raw: Buffer.from(raw) })

  it.each([
    ['https://h/{entity_type}/{id}', 'https://h/company/i%20d%2F1'],
    ['https://h/{objectId}?t={event_type}', 'https://h/9007199254740993?t=company.creation'],
    ['https://h/{/a/b}', 'https://h/x%2Fy%20%3F'],
    ['https://h/{missing}', undefined],
    ['https://h/{empty}', undefined],
    ['https://h/{dots}/x', undefined],
  ])('%s is %s', (template, url) => {
    expect(of(template)).toBe(url)
  })

  it('may say by an event which entity is asked for, and never whom', () => {
    for (const url of [
      'https://{id}/',
      'https://h{id}/',
      'https://u:{id}@h/',
      '{id}',
      'ftp://h/{id}',
      'https://h/{',
      'https://h/{a b}',
      'https://h/#{id}',
    ])
      expect(Lookup.safeParse({ url }).success, url).toBe(false)
    for (const url of ['https://h/{id}', 'https://h:8443/{/a~1b/c}?x={id}', 'http://127.0.0.1:1/x'])
      expect(Lookup.safeParse({ url }).success, url).toBe(true)
  })
})

describe('the wait for the next lookup', () => {
  it('doubles, is shortened by chance, ends at an hour, and is what the answer asks for if that is longer', () => {
    expect([1, 2, 3].map((attempts) => lookupDelay(attempts, 2, 0))).toEqual([2_000, 4_000, 8_000])
    expect(lookupDelay(3, 2, 0.999)).toBeGreaterThanOrEqual(4_000)
    expect(lookupDelay(20, 3_600, 0)).toBe(3_600_000)
    expect(lookupDelay(1, 2, 0, 60_000)).toBe(60_000)
    expect(lookupDelay(1, 2, 0, 10 ** 9)).toBe(3_600_000)
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

describe('a version of an entity', () => {
  const members = (value: unknown) => canonicalMembers(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)))
  const change = (before: unknown, after: unknown) => changeBetween(members(before), members(after))

  it('says the same whatever its white space, order and spelling, at any depth', () => {
    const texts = ['{"_id":"1","a":{"x":[1,{"p":"é","q":2}]}}', ' { "a" : {"x":[ 1 , {"q":2,"p":"\\u00e9"} ] }, "_id":"2", "_ts":3 }']
    expect(new Set(texts.map((text) => readVersion(Buffer.from(text)).hash)).size).toBe(1)
    expect(readVersion(Buffer.from('{"_id":"1","_deleted":true,"a":1}'))).toMatchObject({ deleted: true, text: '{"a":1}' })
  })

  it.each([
    [{ a: 1 }, { a: 1 }, undefined],
    [{ a: 1 }, { a: 2, b: null }, { added: [{ name: 'b', new_value: null }], updated: [{ name: 'a', old_value: 1, new_value: 2 }] }],
    [{ a: { x: 1, y: { z: 1 } } }, { a: { x: 1, y: {} } }, { deleted: [{ name: 'a.y.z', old_value: 1 }] }],
    [{ a: [1, 2] }, { a: [2, 1] }, { updated: [{ name: 'a', old_value: [1, 2], new_value: [2, 1] }] }],
    [{ a: { x: 1 } }, { a: [1] }, { updated: [{ name: 'a', old_value: { x: 1 }, new_value: [1] }] }],
    ['{"a":9007199254740993}', '{"a":9007199254740992}', { updated: [expect.objectContaining({ name: 'a' })] }],
  ])('%j then %j', (before, after, expected) => {
    expect(change(before, after)).toEqual(expected)
  })

  it('names long values and does not show them', () => {
    expect(change({ a: 'x' }, { a: 'y'.repeat(20_000) })).toEqual({ updated: [{ name: 'a', old_value: 'x' }] })
  })
})
