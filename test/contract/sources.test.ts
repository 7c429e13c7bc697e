import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Envelope, EventTypeName } from '../../shared/contracts/event.ts'
import { Problem } from '../../shared/problem.ts'
import type { SourceAdapter, SourceSample } from '../../services/ingest/source.ts'
import { dataOf, fieldsOf, limits, loadSources, problemOf, received, toEvent } from '../support/samples.ts'

const sources = await loadSources()
const cases = sources
  .all()
  .flatMap((source) => source.samples.map((sample) => ({ source, sample, name: source.name, title: sample.title })))

const parse = (source: SourceAdapter, sample: Omit<SourceSample, 'title'>, more = {}) =>
  source.parse(received(sample), { ...limits, ...more }, settingsOf(source, sample))

/** As a source is registered: the settings are checked first, and read again with the same schema. */
function settingsOf(source: SourceAdapter, { settings = {} }: Pick<SourceSample, 'settings'>) {
  const parsed = source.settings?.parse(settings)
  expect(source.settings?.parse(parsed)).toEqual(parsed)
  return parsed
}

describe.each(sources.all())('source $name', (source) => {
  it('has samples, each with a title of its own', () => {
    expect(source.samples.length).toBeGreaterThan(0)
    expect(new Set(source.samples.map((sample) => sample.title)).size).toBe(source.samples.length)
  })

  it('has a shake of hands that looks at any body and never throws', () => {
    for (const { headers, body } of source.samples) expect(source.handshake?.({ headers, body: Buffer.from(body) })).toBeUndefined()
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (body) => {
        source.handshake?.({ headers: {}, body: Buffer.from(body) })
      }),
    )
  })

  it('names headers in lower case in its samples', () => {
    for (const { headers } of source.samples) for (const name of Object.keys(headers)) expect(name).toBe(name.toLowerCase())
  })
})

describe.each(cases)('source $name: $title', ({ source, sample }) => {
  it('parses into valid envelopes', () => {
    const drafts = parse(source, sample)
    expect(drafts.length).toBeGreaterThan(0)
    for (const draft of drafts) {
      const { data: _, ...envelope } = toEvent(draft)
      expect(Envelope.parse(envelope)).toEqual(envelope)
      EventTypeName.parse(draft.type)
      expect(new Date(envelope.time).getTime()).not.toBeNaN()
      if (draft.binary) expect(Buffer.from(JSON.parse(dataOf(draft)), 'base64').toString('base64')).toBe(JSON.parse(dataOf(draft)))
    }
  })

  it('keeps the bytes of each event and of its data', () => {
    const body = Buffer.from(sample.body)
    for (const draft of parse(source, sample)) {
      expect(body.includes(Buffer.from(draft.raw))).toBe(true)
      const data = dataOf(draft)
      expect(() => JSON.parse(data)).not.toThrow()
      expect(data).toBe('text' in draft.data ? data : Buffer.from(draft.raw.subarray(draft.data.start, draft.data.end)).toString())
    }
  })

  it('gives the same drafts again', () => {
    expect(parse(source, sample)).toEqual(parse(source, sample))
  })

  it('refuses an event over the size limit', () => {
    expect(problemOf(() => parse(source, sample, { eventBytes: 1 })).code).toBe('too_large')
  })

  it('refuses more events than a request may have', () => {
    const count = parse(source, sample).length
    if (count > 1) expect(problemOf(() => parse(source, sample, { eventsPerRequest: count - 1 })).code).toBe('too_large')
    expect(parse(source, sample, { eventsPerRequest: count })).toHaveLength(count)
  })

  it('answers damaged requests with drafts or a problem, never with a fault', () => {
    const body = Buffer.from(sample.body)
    const settings = settingsOf(source, sample)
    const damaged = fc.tuple(
      fc.nat(body.length),
      fc.nat(8),
      fc.oneof(
        fc.uint8Array({ maxLength: 4 }),
        fc.constantFrom('null', '[]', '{}', '"', '\\', ',', '1e999').map((text) => Buffer.from(text)),
      ),
    )
    fc.assert(
      fc.property(damaged, ([at, cut, put]) => {
        try {
          const damagedBody = Buffer.concat([body.subarray(0, at), put, body.subarray(at + cut)])
          const drafts = source.parse({ headers: sample.headers, body: damagedBody }, limits, settings)
          for (const draft of drafts) {
            JSON.parse(dataOf(draft))
            EventTypeName.parse(draft.type)
            const { data: _, ...envelope } = toEvent(draft)
            Envelope.parse(envelope)
          }
        } catch (error) {
          if (!(error instanceof Problem) || error.status >= 500) throw error
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe('tidings', () => {
  const source = sources.get('tidings')
  const post = (body: string | Uint8Array, headers: Record<string, string> = { 'content-type': 'application/json' }, more = {}) =>
    source.parse({ headers, body: Buffer.from(body as string) }, { ...limits, ...more })

  it('keeps data byte for byte', () => {
    for (const data of ['9007199254740993', '{"a":1,"a":2}', '[ 1.0 , 1e400 ]', '"\\u0041\\/"', 'null', '{"data":{"data":1}}']) {
      const [draft] = post(`{ "data": 0, "d\\u0061ta" :\n${data} , "type":"a.b"}`)
      expect(dataOf(draft as never)).toBe(data)
    }
    expect(post('{"type":"a.b"}')[0]?.data).toEqual({ text: 'null' })
  })

  it('takes an array apart into the bytes of its elements', () => {
    const elements = ['{"type":"a.b","data":[1, 2]}', '{ "id" : "x", "type":"c" }']
    const drafts = post(`\ufeff [ ${elements.join('\n,\n')}\n]`)
    expect(drafts.map((draft) => Buffer.from(draft.raw).toString())).toEqual(elements)
    expect(drafts.map((draft) => draft.sourceEventId)).toEqual([undefined, 'x'])
    expect(dataOf(drafts[0] as never)).toBe('[1, 2]')
  })

  it('names every field that is wrong, with its index', () => {
    expect(fieldsOf(() => post('{"type":"a..b","entitiy":{}}'))).toEqual(['type', 'entitiy'])
    expect(fieldsOf(() => post('[{"type":"a"},{"type":1},{"type":"b","entity":{"type":"t","owner":"x"}},{}]'))).toEqual([
      '[1].type',
      '[2].entity.owner',
      '[3].type',
    ])
    expect(fieldsOf(() => post('{"type":"a","time":"yesterday"}'))).toEqual(['time'])
    expect(fieldsOf(() => post('{"type":"a","__proto__":{}}'))).toEqual(['__proto__'])
    for (const body of ['[]', '1', 'null', '"a"', '[[]]']) expect(problemOf(() => post(body)).code).toBe('invalid')
  })

  it('names the element that is too large, and refuses too many or too deep', () => {
    const large = `[{"type":"a"},{"type":"a","data":"${'x'.repeat(100)}"}]`
    const problem = problemOf(() => post(large, undefined, { eventBytes: 100 }))
    expect(problem).toMatchObject({ code: 'too_large', errors: [{ field: '[1]' }] })
    expect(problemOf(() => post('[{},{},{}]', undefined, { eventsPerRequest: 2 })).code).toBe('too_large')
    expect(problemOf(() => post(`{"type":"a","data":${'['.repeat(100_000)}${']'.repeat(100_000)}}`)).code).toBe('malformed')
  })

  it('refuses what is not JSON in UTF-8, and says what would be right', () => {
    for (const type of [
      '',
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/cloudevents+json',
      'application/json; charset=iso-8859-1',
    ]) {
      const problem = problemOf(() => post('{"type":"a"}', type ? { 'content-type': type } : {}))
      expect(problem.code).toBe('unsupported_media_type')
      expect(problem.message).toMatch(/application\/json|UTF-8/)
    }
    for (const type of ['Application/JSON', 'application/json;charset="UTF-8"', 'application/json ; charset=utf-8'])
      expect(post('{"type":"a"}', { 'content-type': type })).toHaveLength(1)
    for (const body of [Buffer.from([0x7b, 0xff, 0x7d]), Buffer.from('{"type":'), Buffer.alloc(0)])
      expect(problemOf(() => post(body)).code).toBe('malformed')
  })
})

describe('standard-webhooks', () => {
  const source = sources.get('standard-webhooks')
  const post = (body: string, headers: Record<string, string> = { 'webhook-id': 'msg_1' }) =>
    source.parse({ headers: { 'content-type': 'application/json', ...headers }, body: Buffer.from(body) }, limits)

  it('takes the id from the header, of Svix too', () => {
    expect(post('{"type":"a.b","timestamp":"2022-11-03T20:26:10Z","data":{"a":1,"a":2}}')[0]).toMatchObject({
      sourceEventId: 'msg_1',
      type: 'a.b',
      time: '2022-11-03T20:26:10Z',
    })
    expect(post('{"type":"a","data":1}', { 'svix-id': 'msg_2' })[0]?.sourceEventId).toBe('msg_2')
    expect(fieldsOf(() => post('{"type":"a","data":1}', {}))).toEqual(['webhook-id'])
  })

  it('names the field that is wrong', () => {
    expect(fieldsOf(() => post('{"type":"a b","data":1}'))).toEqual(['type'])
    expect(fieldsOf(() => post('{"type":"a"}'))).toEqual(['data'])
    expect(fieldsOf(() => post('{"type":"a","timestamp":1,"data":1}'))).toEqual(['timestamp'])
    for (const body of ['[]', '1', 'null']) expect(problemOf(() => post(body)).code).toBe('invalid')
    expect(
      problemOf(() => source.parse({ headers: { 'webhook-id': 'x', 'content-type': 'text/plain' }, body: Buffer.from('{}') }, limits)).code,
    ).toBe('unsupported_media_type')
  })

  it('understands members of our own payload, and does not mind others by the same name', () => {
    expect(post('{"type":"a","data":1,"entity":{"type":"table"},"actor":"ada"}')[0]).toMatchObject({
      entity: { type: 'table' },
      actor: 'ada',
    })
    expect(post('{"type":"a","data":1,"entity":"table","change":5,"actor":{},"more":1}')[0]).not.toHaveProperty('entity')
  })
})
