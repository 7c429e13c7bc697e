import * as octokit from '@octokit/webhooks-methods'
import { HTTP, type CloudEvent, type Message } from 'cloudevents'
import fc from 'fast-check'
import { Webhook as StandardWebhook } from 'standardwebhooks'
import Stripe from 'stripe'
import { Webhook as SvixWebhook } from 'svix'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Event } from '../../shared/contracts/event.ts'
import type { Payload } from '../../shared/payload/format.ts'
import { contextFor, limits, loadFormats, loadSchemes, loadSources, plainContext, received, toEvent } from '../support/samples.ts'

/**
 * What we send, judged by code that nobody here wrote, and the other way round. A library and our scheme must come to
 * the same verdict on every request, forged ones included.
 */
const [schemes, formats, sources] = await Promise.all([loadSchemes(), loadFormats(), loadSources()])
const now = Date.UTC(2026, 3, 15, 9, 0, 3)
const id = '0190b6a2-7c1e-7a64-9a0e-3d7d2f5f7b11'
const [secret, former] = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD']

type Headers = Record<string, string>
type Library = {
  title: string
  scheme: string
  sign(body: string, secret: string, at: number): Promise<Headers>
  /** Throws, or says false, when it does not verify. */
  verify(body: string, headers: Headers, secret: string): Promise<unknown>
}

type Peer = new (secret: string) => Pick<StandardWebhook, 'sign' | 'verify'>
const standard = (title: string, scheme: string, prefix: string, Webhook: Peer): Library => ({
  title,
  scheme,
  sign: async (body, key, at) => ({
    [`${prefix}-id`]: id,
    [`${prefix}-timestamp`]: String(Math.floor(at / 1000)),
    [`${prefix}-signature`]: new Webhook(key).sign(id, new Date(at), body),
  }),
  verify: async (body, headers, key) => new Webhook(key).verify(body, headers),
})

const libraries: Library[] = [
  standard('standardwebhooks', 'standard-webhooks', 'webhook', StandardWebhook),
  standard('standardwebhooks', 'gitlab-signing', 'webhook', StandardWebhook),
  standard('svix', 'svix', 'svix', SvixWebhook),
  standard('svix', 'standard-webhooks', 'webhook', SvixWebhook),
  {
    title: '@octokit/webhooks-methods',
    scheme: 'github',
    sign: async (body, key) => ({ 'x-hub-signature-256': await octokit.sign(key, body) }),
    verify: (body, headers, key) => octokit.verify(key, body, headers['x-hub-signature-256'] ?? ''),
  },
  {
    title: 'stripe',
    scheme: 'stripe',
    sign: async (payload, key, at) => ({
      'stripe-signature': Stripe.webhooks.generateTestHeaderString({ payload, secret: key, timestamp: Math.floor(at / 1000) }),
    }),
    verify: async (body, headers, key) => Stripe.webhooks.constructEvent(body, headers['stripe-signature'] ?? '', key),
  },
]

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
const body = '{"id":"evt_1","object":"event","type":"table.updated","data":{"rows":9007199254740993,"name":"Größe"}}'

type Variant = { title: string; change?: (headers: Headers) => Headers; body?: string; seconds?: number }
const each = (edit: (value: string) => string) => (headers: Headers) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, edit(value)]))
const signatureOnly = (edit: (value: string) => string) => (headers: Headers) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, name.includes('signature') ? edit(value) : value]))
const flipped = (text: string, at: number) => text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1)

const variants: Variant[] = [
  { title: 'as it was sent' },
  { title: 'a byte of the body flipped', body: flipped(body, 40) },
  { title: 'a byte of the body too many', body: `${body} ` },
  { title: 'a byte of the body missing', body: body.slice(0, -1) },
  { title: 'an accent written as two characters', body: body.normalize('NFD') },
  { title: 'just in time', seconds: 300 },
  { title: 'a second too late', seconds: 301 },
  { title: 'a day too late', seconds: 86_400 },
  { title: 'by a clock that is as far ahead as allowed', seconds: -300 },
  { title: 'by a clock that is too far ahead', seconds: -301 },
  { title: 'a byte of the signature flipped', change: signatureOnly((value) => flipped(value, value.length - 20)) },
  { title: 'the signature cut short', change: signatureOnly((value) => value.slice(0, -1)) },
  { title: 'the signature in capitals', change: signatureOnly((value) => value.toUpperCase()) },
  { title: 'the signature without its prefix', change: signatureOnly((value) => value.slice(value.indexOf('=') + 1).replace(/^v1,/, '')) },
  { title: 'another version of signature', change: signatureOnly((value) => value.replace('v1', 'v9').replace('sha256=', 'sha1=')) },
  { title: 'an empty signature', change: signatureOnly(() => '') },
  { title: 'no header at all', change: () => ({}) },
  { title: 'the time moved on', change: each((value) => value.replace(String(now / 1000), String(now / 1000 + 1))) },
  { title: 'a time that is none', change: each((value) => value.replace(String(now / 1000), 'soon')) },
  { title: 'another id', change: each((value) => value.replace(id, `${id}0`)) },
]

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

  it('refuses whatever we refuse to refuse: no edit of a header passes here and not there', async () => {
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
