import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { OpenMetadataWebhook } from '../../shared/contracts/api/openmetadata.ts'
import { jsonLdOf } from '../../services/status/openmetadata/json-ld.ts'
import { turtleOf } from '../../services/status/openmetadata/turtle.ts'
import { readJsonLd } from '../support/json-ld.ts'
import { openMetadataClient, type List } from '../support/openmetadata.ts'
import { openStatusApp, type StatusApp } from '../support/status-app.ts'
import { readTurtle, type Term, type Triple } from '../support/turtle.ts'

let status: StatusApp
let whole: OpenMetadataWebhook
let other: OpenMetadataWebhook
beforeAll(async () => {
  status = await openStatusApp()
  other = await create({ name: 'other' })
  whole = await create({
    name: 'SalesDomainWebhook',
    displayName: 'Sales "Domain"\nNotifications \\ ☃',
    webhookType: 'Slack',
    description: 'Notify the Sales team',
    batchSize: 3,
    eventFilters: [
      { eventType: 'entityCreated', entities: ['table', 'dashboard'], include: ['domain:Sales'] },
      { eventType: 'entityUpdated', entities: ['*'], exclude: ['tags'] },
    ],
    webhookConfig: { endpoint: 'https://hooks.slack.com/services/SALES/XXX/YYY', timeout: 10, secretKey: 'not to be seen' },
    owner: { type: 'team', name: 'Sales', href: 'https://catalog.example.com/teams/Sales' },
    domain: { type: 'domain', name: 'Sales' },
    tags: [{ tagFQN: 'Integration.Slack' }],
    fallback: { type: 'webhook', id: other.id },
  })
})
afterAll(() => status.close())

const { call, create } = openMetadataClient(() => status)
const get = (accept: string, path = `/${whole.id}`) => call('GET', path, undefined, { headers: { accept } })

const om = 'https://open-metadata.org/schema/'
const events = `${om}entity/events/`
const rdf = 'http://www.w3.org/1999/02/22-rdf-syntax-ns#'
const xsd = 'http://www.w3.org/2001/XMLSchema#'
const iri = (text: string): Term => ({ iri: text })
const literal = (value: string, type = 'string'): Term => ({ value, type: xsd + type })
/** What is said of a subject: predicate and object. */
const saidOf = (triples: Triple[], subject: Term) =>
  triples.filter(([one]) => JSON.stringify(one) === JSON.stringify(subject)).map(([, predicate, object]) => [predicate, object])
const objectsOf = (triples: Triple[], subject: Term, predicate: string) =>
  triples.filter(([one, verb]) => verb === predicate && JSON.stringify(one) === JSON.stringify(subject)).map(([, , object]) => object)

describe('as Turtle, a webhook', () => {
  it('says what it is in the vocabulary of the documentation', async () => {
    const { headers, text } = await get('text/turtle')
    const triples = readTurtle(text)
    const subject = iri(whole.href)

    expect(headers.get('content-type')).toBe('text/turtle; charset=utf-8')
    expect(headers.get('vary')).toBe('Accept')
    expect(saidOf(triples, subject)).toEqual(
      expect.arrayContaining([
        [`${rdf}type`, iri(`${events}Webhook`)],
        [`${events}webhookType`, iri(`${events}Slack`)],
        [`${events}status`, iri(`${events}Active`)],
        [`${events}enabled`, literal('true', 'boolean')],
        [`${events}batchSize`, literal('3', 'integer')],
        [`${events}timeout`, literal('10', 'integer')],
        [`${events}endpoint`, literal('https://hooks.slack.com/services/***/***/***', 'anyURI')],
        [`${events}sendsTo`, iri('https://hooks.slack.com/services/***/***/***')],
        [`${events}monitors`, iri(`${om}entity/table`)],
        [`${events}monitors`, iri(`${om}entity/Entity`)],
        [`${events}fallback`, iri(other.href)],
        [`${om}displayName`, literal('Sales "Domain"\nNotifications \\ ☃')],
        ['http://purl.org/dc/terms/modified', literal(new Date(whole.updatedAt).toISOString(), 'dateTime')],
        ['http://www.w3.org/ns/prov#wasAttributedTo', literal('admin')],
      ]),
    )
    const filters = objectsOf(triples, subject, `${events}hasEventFilter`)
    expect(filters.map((filter) => saidOf(triples, filter))).toEqual([
      [
        [`${rdf}type`, iri(`${events}EventFilter`)],
        [`${events}eventType`, literal('entityCreated')],
        [`${events}entities`, literal('table')],
        [`${events}entities`, literal('dashboard')],
        [`${events}include`, literal('domain:Sales')],
      ],
      [
        [`${rdf}type`, iri(`${events}EventFilter`)],
        [`${events}eventType`, literal('entityUpdated')],
        [`${events}entities`, literal('*')],
        [`${events}exclude`, literal('tags')],
      ],
    ])
    const [owner] = objectsOf(triples, subject, `${om}owner`) as [Term]
    expect(saidOf(triples, owner)).toEqual([
      [`${rdf}type`, iri(`${om}entity/team`)],
      [`${om}name`, literal('Sales')],
      [`${om}href`, literal('https://catalog.example.com/teams/Sales', 'anyURI')],
    ])
    expect(text).not.toContain('not to be seen')
    expect(text).not.toContain('XXX')
  })

  it('brings the individuals that the documentation does not have, and no others', () => {
    const limited = turtleOf([{ ...whole, webhookType: 'Custom', status: 'retryLimitReached' }])

    expect(readTurtle(limited)).toEqual(
      expect.arrayContaining([
        [iri(`${events}Custom`), `${rdf}type`, iri(`${events}WebhookType`)],
        [iri(`${events}RetryLimitReached`), `${rdf}type`, iri(`${events}WebhookStatus`)],
        [iri(whole.href), `${events}status`, iri(`${events}RetryLimitReached`)],
      ]),
    )
    expect(readTurtle(turtleOf([whole])).some(([subject]) => 'iri' in subject && subject.iri.startsWith(events))).toBe(false)
  })
})

/** JSON-LD takes its properties from the documentation's context, which has most of them in another namespace than the vocabulary has. */
const local = (predicate: string) => predicate.slice(Math.max(predicate.lastIndexOf('/'), predicate.lastIndexOf('#')) + 1)
const comparable = (triples: Triple[], left: (triple: Triple) => boolean) =>
  triples
    .filter(left)
    .map(([subject, predicate, object]) => JSON.stringify([subject, local(predicate), 'iri' in object ? local(object.iri) : object]))
    .sort()

describe('as JSON-LD, a webhook', () => {
  it('has the context of the documentation, and says under it what the Turtle says', async () => {
    const { headers, body } = await get('application/ld+json')

    expect(headers.get('content-type')).toBe('application/ld+json')
    expect(body).toMatchObject({
      '@context': {
        '@vocab': events,
        om,
        Webhook: { '@id': 'om:Webhook', '@type': '@id' },
        eventFilters: { '@id': 'om:hasEventFilter', '@type': '@id', '@container': '@set' },
        updatedAt: { '@id': 'dcterms:modified', '@type': 'xsd:dateTime' },
        href: { '@id': 'om:href', '@type': 'xsd:anyURI' },
      },
      '@id': whole.href,
      '@type': 'Webhook',
      name: 'SalesDomainWebhook',
      webhookType: 'om:entity/events/Slack',
      batchSize: 3,
    })
    const triples = readJsonLd(body as object as Record<string, unknown>)
    expect(saidOf(triples, iri(whole.href))).toEqual(
      expect.arrayContaining([
        [`${rdf}type`, iri(`${om}Webhook`)],
        [`${om}status`, iri(`${events}Active`)],
        [`${om}enabled`, literal('true', 'boolean')],
        [`${events}timeout`, literal('10', 'integer')],
        [`${events}endpoint`, literal('https://hooks.slack.com/services/***/***/***', 'anyURI')],
      ]),
    )
    const isShared = ([, predicate]: Triple) => local(predicate) !== 'label'
    expect(comparable(triples, isShared)).toEqual(comparable(readTurtle(turtleOf([whole])), isShared))
  })

  it('and others stand in one graph, of which the header leads to the next page', async () => {
    const [ld, turtle, json] = [
      await get('application/ld+json', '?limit=1'),
      await get('text/turtle', '?limit=1'),
      await get('application/json', '?limit=1'),
    ]

    const { after } = (json.body as unknown as List<unknown>).paging
    const next = `<${whole.href.replace(/\/[^/]*$/, '')}?limit=1&after=${after}>; rel="next"`
    expect([ld, turtle, json].map(({ headers }) => headers.get('link'))).toEqual([next, next, next])
    expect(ld.body).toMatchObject({ '@graph': [{ '@id': whole.href }] })
    expect(readTurtle(turtle.text)).toEqual(readTurtle(turtleOf([whole])))
    const last = await get('application/ld+json', `?limit=1&after=${after}`)
    expect(readJsonLd(last.body as object as Record<string, unknown>)).toEqual(readJsonLd(jsonLdOf([other])))
    expect(last.headers.has('link')).toBe(false)
  })
})

it('any text that a webhook may have comes out of both views as it went in', () => {
  const texts = fc.string({ unit: 'binary', minLength: 1 })
  fc.assert(
    fc.property(texts, texts, texts, (text, kind, type) => {
      const eventFilters = [{ eventType: 'entityCreated' as const, entities: [kind], include: [text] }]
      const webhook = {
        ...whole,
        description: text,
        displayName: text,
        tags: [{ tagFQN: text }],
        eventFilters,
        owner: { type, name: text },
      }

      for (const triples of [readTurtle(turtleOf([webhook])), readJsonLd(JSON.parse(JSON.stringify(jsonLdOf(webhook))))]) {
        const texts = triples.flatMap(([, , object]) => ('value' in object && object.value === text ? [text] : []))
        expect(texts.length).toBeGreaterThanOrEqual(5)
        const monitored = triples.flatMap(([, predicate, object]) =>
          local(predicate) === 'monitors' && 'iri' in object ? [object.iri] : [],
        )
        expect(decodeURIComponent((monitored[0] as string).slice(`${om}entity/`.length))).toBe(kind === '*' ? 'Entity' : kind)
      }
    }),
  )
})

it.each([
  ['', 'application/json'],
  ['*/*', 'application/json'],
  ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'application/json'],
  ['application/*', 'application/json'],
  ['text/*', 'text/turtle'],
  ['application/ld+json', 'application/ld+json'],
  ['application/ld+json; profile="http://www.w3.org/ns/json-ld#compacted"', 'application/ld+json'],
  ['Text/Turtle', 'text/turtle'],
  ['text/turtle;q=0.5, application/json;q=0.4', 'text/turtle'],
  ['text/turtle;q=0.5, */*', 'application/json'],
  ['application/json;q=0, */*', 'application/ld+json'],
  ['application/json;q=0.1, application/*;q=0.2, text/turtle;q=0.15', 'application/ld+json'],
  ['text/turtle;q=0, text/*', 'application/json'],
  ['image/png', 'application/json'],
  ['nonsense', 'application/json'],
])('who accepts %j gets %s', async (accept, type) => {
  for (const path of [`/${whole.id}`, ''])
    expect((await get(accept, path)).headers.get('content-type')).toMatch(new RegExp(`^${type.replace('+', '\\+')}(;|$)`))
})

it('a webhook that is not there is told in problem details, whatever is accepted', async () => {
  const { status: code, headers } = await get('text/turtle', '/none')

  expect([code, headers.get('content-type')]).toEqual([404, 'application/problem+json'])
})

it('addresses are those that the operator has set, whatever the request says of its host', async () => {
  const behind = await openStatusApp({ settings: { ...status.deps.settings, publicUrl: 'https://hooks.example.com/tidings/' } })
  try {
    const { body } = await behind.call<OpenMetadataWebhook>(
      'POST',
      '/api/v1/webhooks',
      { name: 'a', webhookType: 'Generic', eventFilters: [], webhookConfig: { endpoint: 'https://example.com/' } },
      { headers: { host: 'evil.example' } },
    )
    expect(body.href).toBe(`https://hooks.example.com/tidings/api/v1/webhooks/${body.id}`)
  } finally {
    await behind.close()
  }
})
