import { CloudEvent, HTTP } from 'cloudevents'
import { describe, expect, it } from 'vitest'
import { dataOf, fieldsOf, limits, loadSources, problemOf } from '../support/samples.ts'

const sources = await loadSources()

describe('source cloudevents', () => {
  const source = sources.get('cloudevents')
  const structured = (event: object | string, more: Record<string, string> = {}) =>
    source.parse(
      {
        headers: { 'content-type': 'application/cloudevents+json', ...more },
        body: Buffer.from(typeof event === 'string' ? event : JSON.stringify(event)),
      },
      limits,
    )
  const binary = (headers: Record<string, string>, body: string | Uint8Array = '') =>
    source.parse(
      {
        headers: { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/s', 'ce-type': 'a.b', ...headers },
        body: Buffer.from(body as string),
      },
      limits,
    )
  const least = { specversion: '1.0', id: '1', source: '/s', type: 'a.b' }

  it('reads what the SDK emits, in each mode', () => {
    const events: CloudEvent<unknown>[] = [
      new CloudEvent({
        id: 'A 1',
        source: 'https://example.com/s?x=1',
        type: 'com.example.some_event',
        subject: 'orders',
        dataschema: 'https://example.com/schema',
        data: { n: 1, s: 'Größe' },
        comexample: 'x',
        size: 5,
      }),
      new CloudEvent({
        id: 'A2',
        source: '/s',
        type: 'a.b',
        datacontenttype: 'application/octet-stream',
        data: new Uint8Array([0, 255, 1, 2]),
      }),
      new CloudEvent({ id: 'A3', source: '/s', type: 'a.b', datacontenttype: 'text/plain', data: 'plain' }),
    ]
    for (const event of events) {
      for (const message of [HTTP.structured(event), HTTP.binary(event)]) {
        const body = Buffer.from(message.body as string)
        const [draft] = source.parse(
          {
            headers: Object.fromEntries(Object.entries(message.headers).map(([name, value]) => [name.toLowerCase(), String(value)])),
            body,
          },
          limits,
        )
        expect(draft).toMatchObject({
          type: event.type,
          sourceEventId: `${event.source} ${event.id}`,
          time: event.time,
          cloudevent: { source: event.source },
        })
        const value: unknown = JSON.parse(dataOf(draft as never))
        expect(draft?.binary ? new Uint8Array(Buffer.from(value as string, 'base64')) : value).toEqual(event.data)
      }
    }
  })

  it('keeps two producers apart that use the same id', () => {
    const ids = [
      ['/a', 'b c'],
      ['/a', 'c'],
      ['/b', 'c'],
    ].map(([from, id]) => structured({ ...least, source: from, id })[0]?.sourceEventId)
    expect(new Set(ids).size).toBe(3)
  })

  it('tells the modes apart by Content-Type, whatever its case', () => {
    expect(
      structured(JSON.stringify([least, { ...least, id: '2' }]), { 'content-type': 'Application/CloudEvents-Batch+JSON; charset=UTF-8' }),
    ).toHaveLength(2)
    expect(structured('[]', { 'content-type': 'application/cloudevents-batch+json' })).toEqual([])
    expect(structured(least, { 'content-type': 'application/CLOUDEVENTS' })).toHaveLength(1)
    for (const type of [
      'application/cloudevents+avro',
      'application/cloudevents-batch+xml',
      'application/cloudevents+json; charset=latin1',
    ])
      expect(problemOf(() => structured(least, { 'content-type': type })).code).toBe('unsupported_media_type')
    const missing = problemOf(() =>
      source.parse({ headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(least)) }, limits),
    )
    expect(missing).toMatchObject({ code: 'unsupported_media_type', message: expect.stringContaining('application/cloudevents+json') })
    for (const [body, type] of [
      ['{}', 'application/cloudevents-batch+json'],
      ['[]', 'application/cloudevents+json'],
    ] as const)
      expect(problemOf(() => structured(body, { 'content-type': type })).code).toBe('invalid')
  })

  it('requires the required attributes, and takes null for absent', () => {
    for (const name of Object.keys(least)) {
      for (const value of [null, '', undefined])
        expect(fieldsOf(() => structured({ ...least, [name]: value }))).toEqual(expect.arrayContaining([name]))
      expect(fieldsOf(() => binary({ [`ce-${name}`]: '' }))).toEqual(expect.arrayContaining([`ce-${name}`]))
    }
    const [draft] = structured({ ...least, subject: null, time: null, ext: null, data: null, data_base64: null })
    expect(draft).toMatchObject({ type: 'a.b', data: { text: 'null' }, cloudevent: { source: '/s' } })
    expect(draft?.cloudevent?.extensions).toBeUndefined()
  })

  it('names each attribute that breaks a rule, with the index in a batch', () => {
    const wrong: [object, string][] = [
      [{ specversion: '0.3' }, 'specversion'],
      [{ specversion: 1 }, 'specversion'],
      [{ source: 'a b' }, 'source'],
      [{ type: 'a b' }, 'type'],
      [{ time: '2018-04-05' }, 'time'],
      [{ time: '2018-13-05T17:31:00Z' }, 'time'],
      [{ subject: 'a\u0000' }, 'subject'],
      [{ subject: '\ud800' }, 'subject'],
      [{ subject: '\ufdd0' }, 'subject'],
      [{ dataschema: '/relative' }, 'dataschema'],
      [{ datacontenttype: 'json' }, 'datacontenttype'],
      [{ datacontenttype: 'a/b\r\nx: y' }, 'datacontenttype'],
      [{ datacontenttype: 'application/cloudevents+json' }, 'datacontenttype'],
      [{ Upper: 'x' }, 'Upper'],
      [{ with_line: 'x' }, 'with_line'],
      [{ ext: {} }, 'ext'],
      [{ ext: 1.5 }, 'ext'],
      [{ ext: 2 ** 31 }, 'ext'],
      [{ data: 1, data_base64: 'AA==' }, 'data'],
      [{ data_base64: 'A' }, 'data_base64'],
      [{ data_base64: 'AA-_' }, 'data_base64'],
      [{ data_base64: 1 }, 'data_base64'],
      [{ datacontenttype: 'application/xml', data: {} }, 'data'],
      [{ entitytype: 'x'.repeat(201) }, 'entitytype'],
      [{ entitytype: 't', entityurl: 'no url' }, 'entityurl'],
    ]
    for (const [members, field] of wrong) {
      expect(
        fieldsOf(() => structured({ ...least, ...members })),
        JSON.stringify(members),
      ).toContain(field)
      const batch = JSON.stringify([least, { ...least, id: '2' }, { ...least, ...members }])
      expect(fieldsOf(() => structured(batch, { 'content-type': 'application/cloudevents-batch+json' }))).toContain(`[2].${field}`)
    }
    expect(fieldsOf(() => structured('[1]', { 'content-type': 'application/cloudevents-batch+json' }))).toEqual(['[0]'])
    expect(fieldsOf(() => structured('{"__proto__":"x"}'))).toContain('__proto__')
  })

  it('decodes header values once, and refuses what is then no UTF-8', () => {
    const subject = (value: string) => binary({ 'ce-subject': value })[0]?.subject
    expect(subject('Euro%20%E2%82%AC%20%F0%9F%98%80')).toBe('Euro € 😀')
    expect(subject('%41%2541')).toBe('A%41')
    expect(subject('"a \\"b\\" %e2%82%ac"')).toBe('a "b" €')
    expect(subject('100% sure')).toBe('100% sure')
    expect(subject(Buffer.from('Größe').toString('latin1'))).toBe('Größe')
    // overlong, cut off, a surrogate, Latin-1, and the control that percent-encoding hides
    for (const value of ['%C0%A0', '%E2%82', '%ED%A0%80', 'Gr\xf6\xdfe', '%0A', '\u20ac'])
      expect(
        fieldsOf(() => binary({ 'ce-subject': value })),
        value,
      ).toEqual(['ce-subject'])
    for (const header of ['ce-datacontenttype', 'ce-data']) expect(fieldsOf(() => binary({ [header]: 'x' }))).toEqual([header])
    expect(fieldsOf(() => binary({ 'content-type': 'nonsense' }))).toEqual(['content-type'])
  })

  it('takes the body of binary mode for the data: JSON, text or bytes', () => {
    const data = (contentType: string | undefined, body: string | Uint8Array) => {
      const [draft] = binary(contentType ? { 'content-type': contentType } : {}, body)
      return [draft?.binary ?? false, dataOf(draft as never)]
    }
    expect(data('application/vnd.x+json', ' {"a":9007199254740993,"a":1} ')).toEqual([false, ' {"a":9007199254740993,"a":1} '])
    expect(data('application/json', '\ufeff[1]')).toEqual([false, '[1]'])
    expect(data('application/xml', '\ufeff<a/>')).toEqual([false, '"\ufeff<a/>"'])
    expect(data('text/plain', new Uint8Array([0xff]))).toEqual([true, '"/w=="'])
    expect(data('text/plain; charset=latin1', 'a')).toEqual([true, '"YQ=="'])
    expect(data('image/png', new Uint8Array([0, 255]))).toEqual([true, '"AP8="'])
    expect(data(undefined, '{}')).toEqual([true, '"e30="'])
    expect(data('application/json', '')).toEqual([false, 'null'])
    expect(problemOf(() => binary({ 'content-type': 'application/json' }, '{')).code).toBe('malformed')
  })

  it('finds entity and actor in extensions, and leaves them there', () => {
    const extensions = {
      entitytype: 'table',
      entityid: 5,
      entityname: 'a.b',
      entityurl: 'https://example.com/t',
      domain: 'Sales',
      owner: 'ada, bob,',
      tags: 'PII',
      authid: 'ada',
      authtype: 'user',
    }
    const [draft] = structured({ ...least, ...extensions })
    expect(draft?.entity).toEqual({
      type: 'table',
      id: '5',
      name: 'a.b',
      url: 'https://example.com/t',
      domain: 'Sales',
      owners: ['ada', 'bob'],
      tags: ['PII'],
    })
    expect(draft).toMatchObject({ actor: 'ada', cloudevent: { extensions } })
    expect(structured({ ...least, owner: 'ada', domain: 'x' })[0]?.entity).toBeUndefined()
  })
})
