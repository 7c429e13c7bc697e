import { HTTP, type CloudEvent } from 'cloudevents'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { EventInput, type Event } from '../../shared/contracts/event.ts'
import type { Format, Payload } from '../../shared/payload/format.ts'
import { contextFor, limits, loadFormats, loadSources, sampleEvents, toEvent } from '../support/samples.ts'

const formats = await loadFormats()
const sources = await loadSources()
const events = await sampleEvents()
const rendered = (name: string, event: Event) => formats.get(name).render(event, contextFor(formats.get(name)))
const text = (payload: Payload) => Buffer.from(payload.body).toString()
const json = (payload: Payload): Record<string, unknown> => JSON.parse(text(payload))

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) for (const member of Object.values(Object.freeze(value))) frozen(member)
  return value
}

describe.each(formats.all())('format $name', (format) => {
  const context = contextFor(format)

  it.each(events)('renders $title', ({ event }) => {
    const payload = format.render(frozen(event), frozen(context))
    expect(payload.body).toBeInstanceOf(Uint8Array)
    expect(payload.contentType).toMatch(/^[\w.+-]+\/[\w.+-]+(;[\x20-\x7e]+)?$/)
    for (const [name, value] of Object.entries(payload.headers ?? {})) {
      expect(name).toMatch(/^[a-z0-9-]+$/)
      expect(value).toMatch(/^[\x21-\x7e]+( [\x21-\x7e]+)*$/)
    }
    if (/[/+]json\b/.test(payload.contentType) && payload.body.length > 0) json(payload)
  })

  it.each(events)('gives the same bytes again for $title', ({ event }) => {
    expect(format.render(structuredClone(event), structuredClone(context))).toEqual(format.render(event, context))
  })
})

const those = (wanted: (format: Format) => unknown) =>
  formats
    .all()
    .filter(wanted)
    .map((format) => ({ name: format.name, format, context: contextFor(format) }))

/** Their batch is a message of its own: see chat-limits.test.ts. */
const chat = new Set(['slack', 'msteams', 'googlechat'])

describe('of one kind', () => {
  // rendered once for all webhooks, unless the format says that it looks at them
  it.each(those((format) => !format.perWebhook))('$name gives the same bytes for every webhook', ({ format, context }) => {
    const other = { ...context, webhook: { id: 'w', label: null }, secrets: [] }
    for (const { event } of events) expect(format.render(event, other)).toEqual(format.render(event, context))
    expect(format.settings).toBeUndefined()
  })

  it.each(those((format) => format.settings))(
    '$name has settings that take their own output, refuse the unknown, and explain themselves',
    ({ format }) => {
      const { settings } = contextFor(format)
      expect(format.settings?.parse(settings)).toEqual(settings)
      expect(format.settings?.safeParse({ ...settings, misspelt: 1 }).success).toBe(false)
      const { properties = {} } = z.toJSONSchema(format.settings as z.ZodType, { io: 'input' })
      expect(Object.keys(properties).length).toBeGreaterThan(0)
      for (const member of Object.values(properties)) expect(member).toHaveProperty('description')
    },
  )

  it.each(those((format) => format.renderBatch))(
    '$name renders any number of events as one JSON text, the same again',
    ({ format, context }) => {
      const batch = events.map(({ event }) => frozen(event))
      for (const some of [[], batch.slice(0, 1), batch]) {
        const payload = format.renderBatch?.(some, context) as Payload
        expect(payload.contentType).toMatch(/^application\/([\w.-]+\+)?json(;|$)/)
        const whole: unknown = JSON.parse(text(payload))
        if (!chat.has(format.name)) expect(Array.isArray(whole) ? whole : (whole as Record<string, unknown>).data).toHaveLength(some.length)
        expect(format.renderBatch?.(some, context)).toEqual(payload)
      }
    },
  )

  it.each(those((format) => format.judge))('$name judges every answer, and gives a reason for what it refuses', ({ format }) => {
    for (const statusCode of [200, 201, 202, 204, 302, 400, 401, 403, 404, 408, 410, 413, 429, 500, 503]) {
      for (const body of ['', 'ok', '1', '{}', '{"status":"success"}', '<html>', '\u0000{', 'x'.repeat(20_000)]) {
        const judgement = format.judge?.({ statusCode, body })
        if (statusCode >= 300) expect(judgement).toMatchObject({ outcome: 'rejected', reason: expect.stringMatching(/^answered \d{3}/) })
        if (statusCode === 429 || statusCode >= 500) expect(judgement).not.toHaveProperty('permanent')
        if (judgement?.outcome === 'rejected') expect(judgement.reason?.length).toBeLessThan(300)
      }
    }
  })
})

const base: Event = {
  id: '0190b6a2-7c1e-7a64-9a0e-3d7d2f5f7b11',
  organizationId: 'org',
  source: 'ware house',
  type: 'table.updated',
  time: '2026-04-15T09:00:03Z',
  data: 'null',
}
const entity = { type: 'table', name: 'sales.orders', owners: ['ada', 'bob, jr', 'team'], tags: ['PII.Sensitive'] }
const change = { updated: [{ name: 'a', old_value: 1, new_value: 2 }] }
const awkward = ['{"n": 9007199254740993, "a":1, "a":2}', '[1.0,1e400]', '"\\u0041\\/"', '"\\ud800"', '{"__proto__":1}', '0', '""']
const came = (cloudevent: Partial<Event['cloudevent']>, more: Partial<Event> = {}): Event => ({
  ...base,
  ...more,
  cloudevent: { source: '/s', ...cloudevent },
})

describe('data', () => {
  it.each([...awkward.map((data) => [data]), ['null']])('is spliced in byte for byte: %s', (data) => {
    const event = { ...base, data }
    expect(text(rendered('tidings', event))).toBe(
      `{"id":"${base.id}","type":"table.updated","timestamp":"2026-04-15T09:00:03Z","source":"ware house","data":${data}}`,
    )
    if (data === 'null') return
    expect(text(rendered('ptolemy', event))).toBe(
      `{"id":"${base.id}","event_type":"table.updated","created_at":"2026-04-15T09:00:03Z","data":${data}}`,
    )
    expect(text(rendered('cloudevents', event)).endsWith(`,"data":${data}}`)).toBe(true)
    expect(text(rendered('cloudevents-binary', event))).toBe(data)
  })

  it('stands as base64 where it is bytes', () => {
    const event = came({}, { data: '"AP8\\/"', binary: true })
    expect(json(rendered('tidings', event))).toMatchObject({ data_base64: 'AP8/' })
    expect(json(rendered('tidings', event))).not.toHaveProperty('data')
    expect(json(rendered('cloudevents', event))).toMatchObject({ data_base64: 'AP8/' })
    expect(rendered('cloudevents-binary', event)).toMatchObject({
      contentType: 'application/octet-stream',
      body: Buffer.from([0, 255, 63]),
    })
  })

  it('is entity and change where a format has no other place for them', () => {
    const event = { ...base, entity, change }
    for (const name of ['ptolemy', 'cloudevents']) expect(json(rendered(name, event)).data).toEqual({ entity, change })
    expect(json(rendered('cloudevents-binary', event))).toEqual({ entity, change })
    expect(json(rendered('tidings', event))).toMatchObject({ entity, change, data: null })
    expect(json(rendered('ptolemy', base)).data).toEqual({})
    expect(json(rendered('cloudevents', base))).not.toHaveProperty('data')
  })
})

describe('cloudevents', () => {
  it('turns a native event into a CloudEvent of ours', () => {
    expect(json(rendered('cloudevents', { ...base, subject: 'orders\n', actor: 'ada', entity, data: '1' }))).toEqual({
      specversion: '1.0',
      id: base.id,
      source: '/tidings/ware%20house',
      type: 'table.updated',
      time: base.time,
      subject: 'orders\ufffd',
      datacontenttype: 'application/json',
      data: 1,
      entitytype: 'table',
      entityname: 'sales.orders',
      owner: 'ada,team',
      tags: 'PII.Sensitive',
      authtype: 'unknown',
      authid: 'ada',
    })
  })

  it('gives a CloudEvent back its own id, source, type of data and extensions', () => {
    const event = came(
      { datacontenttype: 'application/xml', dataschema: 'https://e.com/s', extensions: { n: 5, b: true, owner: 'x' } },
      { sourceEventId: '/s id 1', data: '"<a b=\\"ö\\"/>"', entity },
    )
    expect(json(rendered('cloudevents', event))).toMatchObject({
      id: 'id 1',
      source: '/s',
      datacontenttype: 'application/xml',
      dataschema: 'https://e.com/s',
      n: 5,
      b: true,
      owner: 'x',
      data: '<a b="ö"/>',
    })
    const binary = rendered('cloudevents-binary', event)
    expect(binary).toMatchObject({ contentType: 'application/xml', headers: { 'ce-id': 'id%201', 'ce-n': '5', 'ce-b': 'true' } })
    expect(binary.headers).not.toHaveProperty('ce-datacontenttype')
    expect(text(binary)).toBe('<a b="ö"/>')
  })

  it('encodes header values as the HTTP binding does in its example', () => {
    expect(rendered('cloudevents-binary', { ...base, subject: 'Euro € 😀' }).headers?.['ce-subject']).toBe(
      'Euro%20%E2%82%AC%20%F0%9F%98%80',
    )
    expect(rendered('cloudevents-binary', { ...base, subject: 'a"b%c\r\nx: y' }).headers?.['ce-subject']).toBe(
      'a%22b%25c%EF%BF%BD%EF%BF%BDx:%20y',
    )
  })

  it.each(events)('is read by the SDK: $title', ({ event }) => {
    for (const name of ['cloudevents', 'cloudevents-binary']) {
      const { contentType, headers = {}, body } = rendered(name, event)
      const read = HTTP.toEvent({
        headers: { ...headers, 'content-type': contentType },
        body: Buffer.from(body).toString(),
      }) as CloudEvent<unknown>
      expect(read.validate()).toBe(true)
      expect(read).toMatchObject({ specversion: '1.0', type: event.type, source: event.cloudevent?.source ?? '/tidings/warehouse' })
      expect(new Date(read.time as string)).toEqual(new Date(event.time))
      if (event.cloudevent && event.data !== 'null' && !event.binary) expect(read.data).toEqual(JSON.parse(event.data))
    }
  })

  it('is read by our own source as the event that was rendered, in both modes', () => {
    const source = sources.get('cloudevents')
    const words = fc.string({ unit: 'binary', minLength: 1, maxLength: 60 })
    const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })
    const names = optional(fc.array(words, { maxLength: 5 }))
    const natives = fc.record({
      subject: optional(words),
      actor: optional(words),
      change: fc.constantFrom(undefined, change),
      data: fc.oneof(fc.json(), fc.constantFrom(...awkward)),
      entity: optional(
        fc.record({
          type: words,
          id: optional(words),
          name: optional(words),
          domain: optional(words),
          owners: names,
          tags: names,
          url: fc.constantFrom(undefined, 'https://e.com/x y'),
        }),
      ),
    })
    fc.assert(
      fc.property(natives, (native) => {
        EventInput.parse({ type: base.type, ...native })
        const event = { ...base, ...native } as Event
        for (const name of ['cloudevents', 'cloudevents-binary']) {
          const { contentType, headers = {}, body } = rendered(name, event)
          const [draft, ...more] = source.parse({ headers: { ...headers, 'content-type': contentType }, body }, limits)
          expect(more).toEqual([])
          const back = toEvent(draft as never)
          expect(back).toMatchObject({
            type: base.type,
            time: base.time,
            sourceEventId: `/tidings/ware%20house ${base.id}`,
            cloudevent: { source: '/tidings/ware%20house' },
          })
          if (native.data !== 'null') expect(back.data).toBe(native.data)
          expect(back.subject === undefined).toBe(event.subject === undefined)
          // without data there is no type of data either, until binary mode has to name one
          const untyped = (members: Record<string, unknown>) => ({ ...members, datacontenttype: undefined })
          expect(untyped(json(rendered('cloudevents', back)))).toEqual(untyped(json(rendered('cloudevents', event))))
        }
      }),
      { numRuns: 500 },
    )
  })
})
