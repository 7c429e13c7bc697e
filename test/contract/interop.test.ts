import { HTTP, type CloudEvent, type Message } from 'cloudevents'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Event } from '../../shared/contracts/event.ts'
import type { Payload } from '../../shared/payload/format.ts'
import { body, former, id, libraries, now, secret, variants, type Headers, type Library } from '../support/libraries.ts'
import { contextFor, limits, loadFormats, loadSchemes, loadSources, plainContext, received, toEvent } from '../support/samples.ts'

/**
 * What we send, judged by code that nobody here wrote, and the other way round. A library and our scheme must come to
 * the same verdict on every request, forged ones included.
 */
const [schemes, formats, sources] = await Promise.all([loadSchemes(), loadFormats(), loadSources()])
const theirVerdict = ({ verify }: Library, body: string, headers: Headers, key: string) =>
  verify(body, headers, key).then(
    (verdict) => verdict !== false,
    () => false,
  )
const ourVerdict = ({ scheme }: Library, body: string, headers: Headers, secrets: string[]) =>
  schemes.get(scheme).verify({ headers, body: Buffer.from(body), secrets, now: Date.now(), toleranceSeconds: 300 }).valid
const ourHeaders = ({ scheme }: Library, body: string, secrets = [secret]) =>
  schemes.get(scheme).sign({ id, now, body: Buffer.from(body), secrets })

/** Every sample of every source, as the event that acceptance makes of it. */
const events: { title: string; event: Event }[] = sources
  .all()
  .flatMap((source) =>
    source.samples.flatMap((sample) =>
      source
        .parse(received(sample), limits, source.settings?.parse(sample.settings ?? {}))
        .map((draft) => ({ title: `${source.name}: ${sample.title}`, event: toEvent(draft) })),
    ),
  )

/** What all formats make of all events, as far as it is JSON: the libraries read nothing else. */
const bodies = formats.all().flatMap((format) =>
  events.flatMap(({ event }) => {
    const { body, contentType } = format.render(event, contextFor(format))
    return /json/.test(contentType) && body.length > 0 ? [Buffer.from(body).toString()] : []
  }),
)

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now })
})
afterEach(() => {
  vi.useRealTimers()
})

describe.each(libraries)('$title and the scheme $scheme', (library) => {
  it('verifies what every format makes of every event, while two secrets are valid too', async () => {
    expect(bodies.length).toBeGreaterThan(100)
    for (const text of bodies) expect(await theirVerdict(library, text, ourHeaders(library, text), secret), text).toBe(true)
    const both = ourHeaders(library, body, [secret, former])
    expect(await theirVerdict(library, body, both, secret)).toBe(true)
    // GitHub's header has room for one signature, so a receiver must know the new secret before the sender uses it
    expect(await theirVerdict(library, body, both, former)).toBe(library.scheme !== 'github')
  })

  it('signs what we verify, by any of our secrets', async () => {
    for (const text of [body, ...bodies]) {
      const headers = await library.sign(text, secret, now)
      expect(ourVerdict(library, text, headers, [secret]), text).toBe(true)
      expect(ourVerdict(library, text, headers, [former, secret])).toBe(true)
      expect(ourVerdict(library, text, headers, [former])).toBe(false)
    }
  })

  it.each(variants)('comes to our verdict: $title', async ({ change = (headers) => headers, body: sent = body, seconds = 0 }) => {
    for (const headers of [ourHeaders(library, body), await library.sign(body, secret, now)]) {
      vi.setSystemTime(now + seconds * 1000)
      const theirs = await theirVerdict(library, sent, change(headers), secret)
      expect(ourVerdict(library, sent, change(headers), [secret])).toBe(theirs)
      expect(await theirVerdict(library, sent, change(headers), former)).toBe(false)
      expect(ourVerdict(library, sent, change(headers), [former])).toBe(false)
      vi.setSystemTime(now)
    }
  })

  it('lets no edit of a header pass here that does not pass there', async () => {
    const headers = ourHeaders(library, body)
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...Object.keys(headers)), fc.nat(), fc.string({ maxLength: 3 }), async (name, at, text) => {
        const value = headers[name] as string
        const edited = { ...headers, [name]: value.slice(0, at % value.length) + text + value.slice((at % value.length) + 1) }
        if (ourVerdict(library, body, edited, [secret])) expect(await theirVerdict(library, body, edited, secret)).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('cloudevents', () => {
  const source = sources.get('cloudevents')
  const read = (payload: Payload) =>
    HTTP.toEvent({
      headers: { 'content-type': payload.contentType, ...payload.headers },
      body: Buffer.from(payload.body).toString(),
    })
  const one = (payload: Payload) => read(payload) as CloudEvent<unknown>
  const structured = formats.get('cloudevents')
  const binary = formats.get('cloudevents-binary')
  // a header holds text, and the SDK leaves it as it was escaped (HTTP binding §3.1.3.2)
  const asHeaders = (event: CloudEvent<unknown>) =>
    Object.fromEntries(
      Object.entries(event.toJSON())
        .filter(([name, value]) => value !== undefined && !['data', 'datacontenttype'].includes(name))
        .map(([name, value]) => [name, decodeURIComponent(String(value))]),
    )
  const texts = events.filter(({ event }) => !event.binary)

  it.each(texts)('reads what we send in each mode: $title', ({ event }) => {
    const parsed = one(structured.render(event, plainContext))
    expect(parsed.validate()).toBe(true)
    if (!event.cloudevent) expect(parsed).toMatchObject({ id: event.id, type: event.type, specversion: '1.0' })
    const other = one(binary.render(event, plainContext))
    expect(other.validate()).toBe(true)
    expect(asHeaders(other)).toEqual(asHeaders(parsed))
    expect(other.data || undefined).toEqual(parsed.data)
  })

  it('reads a batch of all of them', () => {
    const all = texts.map(({ event }) => event)
    const renderBatch = structured.renderBatch as NonNullable<typeof structured.renderBatch>
    const parsed = read(renderBatch(all, plainContext)) as CloudEvent<unknown>[]
    expect(parsed.map((event) => event.toJSON())).toEqual(all.map((event) => one(structured.render(event, plainContext)).toJSON()))
  })

  it('emits what we read, of what we sent', () => {
    for (const { event } of texts) {
      const parsed = one(structured.render(event, plainContext))
      // in binary mode it writes what is not ASCII into the header as it is, which no HTTP request could carry
      const carried = Object.values(HTTP.binary(parsed).headers).every((value) => /^[ -~]*$/.test(String(value)))
      for (const message of [HTTP.structured(parsed), ...(carried ? [HTTP.binary(parsed)] : [])]) {
        const [draft] = source.parse(requestOf(message), limits)
        expect(draft).toMatchObject({ type: parsed.type, sourceEventId: `${parsed.source} ${parsed.id}` })
      }
    }
  })

  // without an id or a version the SDK makes one up
  it.each(['source', 'type'])('takes as little as we do when there is no %s', (name) => {
    const event = { specversion: '1.0', id: '1', source: '/s', type: 'a.b', [name]: undefined }
    const message = { headers: { 'content-type': 'application/cloudevents+json' }, body: JSON.stringify(event) }
    expect(() => (HTTP.toEvent(message) as CloudEvent<unknown>).validate()).toThrow()
    expect(() => source.parse(requestOf(message), limits)).toThrow()
  })
})

const requestOf = ({ headers, body: content }: Pick<Message, 'headers' | 'body'>) => ({
  headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)])),
  body: Buffer.from((content ?? '') as string),
})
