import { createHmac } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openIngestApp, someNow, type IngestApp } from '../support/ingest-app.ts'

let ingest: IngestApp
let key: string

beforeEach(async () => {
  ingest = await openIngestApp()
  key = await ingest.keyOf('org')
})
afterEach(() => ingest.close())

type Headers = Record<string, string>
const json = { 'content-type': 'application/json' }
const seconds = String(someNow / 1000)
const hmac = (secret: string, text: string) => createHmac('sha256', secret).update(text).digest('hex')
const foundry = (secret: string, body: string, at = seconds) => ({
  'x-foundry-timestamp': at,
  'x-foundry-signature': hmac(secret, `${at}.${body}`),
})

async function post(path: string, body: string, headers: Headers = {}, env?: object) {
  const response = await ingest.app.request(path, { method: 'POST', body, headers: { ...json, ...headers } }, env)
  const text = await response.text()
  return {
    status: response.status,
    text,
    headers: response.headers,
    body: /json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : text,
  }
}
const withKey = (value = key) => ({ authorization: `Bearer ${value}` })
const event = (more: object = {}) => JSON.stringify({ type: 'table.updated', ...more })

describe('POST /events', () => {
  it('accepts with a key, and hands what is durable to the relay', async () => {
    const { status, body } = await post('/events', event({ id: 'one', data: { n: 1 } }), withKey())

    expect(status).toBe(202)
    expect(body).toEqual({ events: [{ id: expect.any(String), duplicate: false }] })
    expect(ingest.offered).toMatchObject([
      { envelope: { id: body.events[0].id, type: 'table.updated', organizationId: 'org', source: 'api' }, data: '{"n":1}' },
    ])
    expect((await ingest.storage.events.load(body.events[0].id))?.data).toBe('{"n":1}')
  })

  it('takes the key as a query parameter too, as the CloudEvents web hook spec has it', async () => {
    expect((await post(`/events?access_token=${key}`, event())).status).toBe(202)
  })

  it('does not read the body of who shows no key, a wrong one or one of another scope', async () => {
    for (const [headers, status] of [
      [{}, 401],
      [withKey('tdk_unknown'), 401],
      [withKey(await ingest.keyOf('org', 'read')), 403],
    ] as const) {
      const body = new ReadableStream({ pull: () => Promise.reject(new Error('was read')) })
      const request = new Request('http://host/events', { method: 'POST', headers, body, duplex: 'half' } as RequestInit)
      expect((await ingest.app.fetch(request)).status).toBe(status)
    }
  })

  it('answers the same event with the same id, and another body under its id with 409', async () => {
    const first = await post('/events', event({ id: 'one', data: 1 }), withKey())
    const again = await post('/events', event({ id: 'one', data: 1 }), withKey())
    const other = await post('/events', `[${event()},${event({ id: 'one', data: 2 })}]`, withKey())

    expect(again.body.events).toEqual([{ id: first.body.events[0].id, duplicate: true }])
    expect(other).toMatchObject({ status: 409, body: { errors: [{ field: '[1].id' }] } })
    expect(ingest.offered).toHaveLength(1)
  })

  it('repeats a whole request by its Idempotency-Key, and refuses another under the same', async () => {
    const headers = { ...withKey(), 'idempotency-key': 'k1' }
    const first = await post('/events', `[${event()},${event()}]`, headers)
    const again = await post('/events', `[${event()},${event()}]`, headers)
    const other = await post('/events', event({ data: 2 }), headers)

    expect(again.body.events.map((one: { id: string }) => one.id)).toEqual(first.body.events.map((one: { id: string }) => one.id))
    expect(other).toMatchObject({ status: 409, body: { errors: [{ field: 'headers.idempotency-key' }] } })
  })

  it('takes nothing of a request with one wrong event', async () => {
    const refused = await post('/events', `[${event()},{"type":"not dotted words!"}]`, withKey())

    expect(refused).toMatchObject({ status: 422, body: { errors: [{ field: '[1].type' }] } })
    expect(ingest.offered).toEqual([])
  })

  it('refuses a compressed body, another method, and says with 503 when nothing could be stored', async () => {
    expect((await post('/events', event(), { ...withKey(), 'content-encoding': 'gzip' })).status).toBe(415)
    const wrong = await ingest.app.request('/events', { headers: withKey() })
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST'])

    const full = await openIngestApp({}, (storage) => ({
      ...storage,
      events: { ...storage.events, accept: () => Promise.reject(new Error('database or disk is full')) },
    }))
    const headers = { ...json, ...withKey(await full.keyOf('org')) }
    const response = await full.app.request('/events', { method: 'POST', body: event(), headers })
    expect([response.status, response.headers.get('retry-after'), full.offered]).toEqual([503, '2', []])
    await full.close()
  })

  it('grants the handshake of CloudEvents to the origins that are allowed', async () => {
    const ask = (app: IngestApp['app'], headers: Headers) => app.request('/events', { method: 'OPTIONS', headers })
    const origin = { 'webhook-request-origin': 'emitter.example.com' }
    const granted = await ask(ingest.app, { ...origin, 'webhook-request-rate': '120' })
    expect(granted.headers.get('webhook-allowed-origin')).toBe('emitter.example.com')
    expect(granted.headers.get('webhook-allowed-rate')).toBe('120')
    expect((await ask(ingest.app, {})).status).toBe(405)

    const strict = await openIngestApp({ webhookOrigins: 'other.example.com' })
    expect((await ask(strict.app, origin)).headers.get('webhook-allowed-origin')).toBeNull()
    await strict.close()
  })
})

describe('a catalog with a source', () => {
  const built = '{"id":"evt-1","type":"build.completed","data":{"buildRid":"ri.foundry.main.build.1","buildStatus":"SUCCEEDED"}}'

  it.each(['/webhooks/foundry', '/sources/foundry/events'])('is taken by its signature at %s and answered in its words', async (path) => {
    await ingest.addSource({ name: 'foundry', adapter: 'foundry' }, 'secret-of-foundry')

    expect(await post(path, built, foundry('secret-of-foundry', built))).toMatchObject({ status: 200, body: { received: true } })
    expect(await post(path, built, foundry('another', built))).toMatchObject({ status: 401, body: { error: 'Invalid signature' } })
    expect(await post(path, built, foundry('secret-of-foundry', built, '100'))).toMatchObject({
      status: 401,
      body: { error: 'Timestamp too old' },
    })
    expect(ingest.offered.map(({ envelope }) => envelope.type)).toEqual(['build.completed'])
  })

  it('is, of several at one path, the one whose signature verifies', async () => {
    await ingest.addSource({ name: 'a', adapter: 'foundry', organizationId: 'one' }, 'secret-of-a')
    await ingest.addSource({ name: 'b', adapter: 'foundry', organizationId: 'two' }, 'secret-of-b')

    await post('/webhooks/foundry', built, foundry('secret-of-b', built))

    expect(ingest.offered.map(({ envelope }) => [envelope.organizationId, envelope.source])).toEqual([['two', 'b']])
  })

  it('must sign even when it shows a key, and is not found by the key of another organization', async () => {
    await ingest.addSource({ name: 'foundry', adapter: 'foundry' }, 'secret-of-foundry')

    expect((await post('/sources/foundry/events', built, withKey())).status).toBe(401)
    expect((await post('/sources/foundry/events', built, { ...withKey(), ...foundry('secret-of-foundry', built) })).status).toBe(200)
    const stranger = { ...withKey(await ingest.keyOf('other')), ...foundry('secret-of-foundry', built) }
    expect((await post('/sources/foundry/events', built, stranger)).status).toBe(404)
  })

  it('that cannot sign is taken by a key in the path or from a trusted address, and never openly', async () => {
    const commit =
      '{"event": {"action": "create", "workspace": "w", "collection": "c", "resource_type": "dataset", "resource_name": "d", "timestamp": 1}, "data": {}}'
    const from = (remoteAddress: string) => ({ incoming: { socket: { remoteAddress } } })
    await ingest.addSource({ name: 'opteryx', adapter: 'opteryx' })
    expect((await post('/event', commit, {}, from('10.1.2.3'))).status).toBe(401)
    expect(await post(`/in/${key}/event`, commit)).toMatchObject({ status: 200, body: { status: 'ok' } })
    expect((await post('/in/tdk_guessed/event', commit)).status).toBe(401)

    const open = await openIngestApp({ trustedSenders: '10.0.0.0/8' })
    await open.addSource({ name: 'opteryx', adapter: 'opteryx' })
    const send = (address: string) => open.app.request('/event', { method: 'POST', body: commit, headers: json }, from(address))
    expect([(await send('10.1.2.3')).status, (await send('11.1.2.3')).status]).toEqual([200, 401])
    await open.close()
  })

  it('may bring a validation expression, whose text is the refusal', async () => {
    const validation_expression = "{% if request_headers['X-Token'] == secret('webhook_secret') %}{% else %}FAIL!{% endif %}"
    await ingest.addSource(
      { name: 'crm', adapter: 'sesam', scheme: null, settings: { datatype: 'company', validation_expression } },
      'secret-of-sesam',
    )
    const path = '/api/receivers/crm/entities'

    expect(await post(path, '{"_id":"1"}', { 'x-token': 'secret-of-sesam' })).toMatchObject({ status: 200, body: {} })
    expect(await post(path, '{"_id":"2"}', { 'x-token': 'guessed' })).toMatchObject({ status: 401, text: 'FAIL!' })
    expect(ingest.offered.map(({ envelope }) => envelope.type)).toEqual(['company.updated'])
  })

  it('is greeted back once its signature is right', async () => {
    await ingest.addSource({ name: 'slack', adapter: 'slack' }, 'secret-of-slack')
    const body = '{"type":"url_verification","challenge":"abc"}'
    const signed = (secret: string) => ({
      'x-slack-request-timestamp': seconds,
      'x-slack-signature': `v0=${hmac(secret, `v0:${seconds}:${body}`)}`,
    })

    const greeted = await post('/sources/slack/events', body, signed('secret-of-slack'))
    expect([greeted.status, greeted.text]).toEqual([200, expect.stringContaining('abc')])
    expect((await post('/sources/slack/events', body, signed('another'))).status).toBe(401)
    expect(ingest.offered).toEqual([])
  })

  it('may sign the address that it knows us by', async () => {
    const known = await openIngestApp({ publicUrl: 'https://news.example.com/tidings/' })
    await known.addSource({ name: 'hubspot', adapter: 'hubspot' }, 'secret-of-hubspot')
    const body = '[{"eventId":1,"subscriptionId":2,"portalId":3,"occurredAt":1,"subscriptionType":"company.creation","objectId":4}]'
    const sign = (url: string) => createHmac('sha256', 'secret-of-hubspot').update(`POST${url}${body}${someNow}`).digest('base64')
    const send = (url: string) =>
      known.app.request('/sources/hubspot/events?a=1', {
        method: 'POST',
        body,
        headers: { ...json, 'x-hubspot-request-timestamp': String(someNow), 'x-hubspot-signature-v3': sign(url) },
      })

    expect((await send('https://news.example.com/tidings/sources/hubspot/events?a=1')).status).toBe(202)
    expect((await send('http://localhost/sources/hubspot/events?a=1')).status).toBe(401)
    await known.close()
  })
})
