import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Event } from '../../shared/contracts/event.ts'
import { idempotent, memoryStore, receiver, type EventContext, type ReceivedEvent } from '../../shared/receiver/index.ts'
import { limits, loadFormats, loadSchemes, loadSources, plainContext, received, setupsOf, toEvent } from '../support/samples.ts'

const [schemes, formats, sources] = await Promise.all([loadSchemes(), loadFormats(), loadSources()])

type Options = { handle?: (event: ReceivedEvent) => unknown; once?: ReturnType<typeof idempotent> }
/** A receiver of a scheme, and a sender that signs with it. */
function kitOf(scheme: string, { handle = () => {}, once }: Options = {}) {
  const [setup] = setupsOf(scheme)
  const secret = setup?.createSecret() ?? ''
  const params = setup?.params && { params: setup.params }
  const seen: (EventContext & { event: ReceivedEvent })[] = []
  const kit = receiver({
    scheme,
    secrets: [secret],
    ...params,
    ...(once && { once }),
    publicUrl: 'https://hooks.example.com/in/',
    handle(event, context) {
      seen.push({ event, ...context })
      return handle(event)
    },
  })
  async function send(payload: unknown, headers: Record<string, string> = {}) {
    const body = Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload))
    const place = { method: 'POST', url: 'https://hooks.example.com/in/hook?a=%20b' }
    const signed = schemes.get(scheme).sign({ id: 'msg_1', now: Date.now(), body, secrets: [secret], ...place, ...params })
    const answer = await kit.answer({ method: 'POST', target: '/hook?a=%20b', headers: { ...headers, ...signed }, body })
    return [answer.status, answer.body]
  }
  return { kit, seen, send }
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

describe('what an event is known by', () => {
  const hubspot = { portalId: 1, subscriptionId: 2, eventId: 3, occurredAt: 4, attemptNumber: 0, subscriptionType: 'contact.creation' }
  it.each([
    ['foundry', { id: 'e', type: 'a.b' }, { 'webhook-id': 'x' }, 'e', 'a.b'],
    ['ptolemy', { id: 'e', event_type: 'a.b' }, {}, 'e', 'a.b'],
    ['stripe', { id: 'e', type: 'a.b' }, {}, 'e', 'a.b'],
    ['slack', { type: 'event_callback', event_id: 'e', event: { type: 'message' } }, {}, 'e', 'message'],
    ['openmetadata', { eventId: 'e', eventType: 'entityCreated' }, {}, 'e', 'entityCreated'],
    ['openmetadata-real', { id: 'e', eventType: 'entityCreated' }, {}, 'e', 'entityCreated'],
    ['hubspot-v3', hubspot, {}, '1:2:3:4', 'contact.creation'],
    ['shopify', { id: 7 }, { 'x-shopify-webhook-id': 'e', 'x-shopify-topic': 'orders/create' }, 'e', 'orders/create'],
    ['github', { action: 'opened' }, { 'x-github-delivery': 'e', 'x-github-event': 'issues' }, 'e', 'issues'],
    ['gitlab-token', {}, { 'idempotency-key': 'e', 'x-gitlab-event-uuid': 'u', 'x-gitlab-event': 'Push Hook' }, 'e', 'Push Hook'],
    ['gitlab-token', {}, { 'x-gitlab-event-uuid': 'u', 'x-gitlab-event': 'Push Hook' }, 'u', 'Push Hook'],
    ['standard-webhooks', { id: 'e', type: 'a.b' }, {}, 'msg_1', 'a.b'],
    ['svix', { id: 'e', type: 'a.b' }, {}, 'msg_1', 'a.b'],
    ['generic-hmac', { specversion: '1.0', source: '/s', id: 'e', type: 'a.b' }, { 'webhook-id': 'x' }, '/s e', 'a.b'],
    ['sesam-token', { _id: 'e' }, {}, sha256('{"_id":"e"}'), undefined],
    ['generic-hmac', { name: 'no id' }, {}, sha256('{"name":"no id"}'), undefined],
  ])('%s: %j', async (scheme, event, headers, id, type) => {
    const { seen, send } = kitOf(scheme)
    expect(await send(event, headers as Record<string, string>)).toMatchObject([200, expect.any(String)])
    expect(seen).toMatchObject([{ event, id, type }])
  })

  it('is its signature where Ptolemy gives no id', async () => {
    const { seen, send } = kitOf('ptolemy')
    await send({ event_type: 'a.b' })
    expect(seen[0]?.id).toMatch(/^t=\d+,v1=[0-9a-f]{64}$/)
  })

  it('is in the headers where a CloudEvent is binary', async () => {
    const { seen, send } = kitOf('generic-hmac')
    const ce = { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/s', 'ce-type': 'a.b', 'ce-subject': 'Gr%C3%B6%C3%9Fe' }
    expect((await send('<x/>', { ...ce, 'content-type': 'text/xml' }))[0]).toBe(200)
    expect((await send('{"n":1}', ce))[0]).toBe(200)
    expect((await send('{"n":1}', { ...ce, 'ce-subject': '%ff' }))[0]).toBe(400)
    expect(seen).toMatchObject([
      { id: '/s 1', type: 'a.b', event: { subject: 'Größe', data: Buffer.from('<x/>'), datacontenttype: 'text/xml' } },
      { event: { data: { n: 1 } } },
    ])
    // a captured request of a sender that signs an id of its own cannot be given another
    const { seen: taken, send: replay } = kitOf('foundry')
    await replay({ id: 'e', type: 'a.b' }, { ...ce, 'ce-type': 'b.c' })
    expect(taken).toMatchObject([{ id: 'e', type: 'a.b' }])
  })
})

describe('answers', () => {
  it('are those that each sender expects', async () => {
    const words: Record<string, string> = { foundry: '{"received":true}', 'sesam-hmac': '{}', 'sesam-token': '{}' }
    for (const { name } of schemes.all().filter(({ unsigned }) => !unsigned))
      expect(await kitOf(name).send({ id: '1' }), name).toEqual([200, words[name] ?? '{"ok":true}'])
  })

  it('are a problem where a signature is refused, except for those who have words of their own', async () => {
    for (const { name } of schemes.all().filter(({ unsigned }) => !unsigned)) {
      const { status, headers, body } = await kitOf(name).kit.answer({ method: 'POST', target: '/', headers: {}, body: Buffer.from('{}') })
      expect(status).toBe(401)
      if (name === 'foundry' || name === 'ptolemy') continue
      expect(headers['content-type']).toBe('application/problem+json')
      expect(JSON.parse(body)).toEqual({ type: 'about:blank', title: 'Unauthorized', status: 401, detail: expect.any(String) })
    }
  })

  it("shake hands with Slack, and do not take it for anybody else's", async () => {
    const challenge = { type: 'url_verification', challenge: '3eZbrw1a' }
    expect(await kitOf('slack').send(challenge)).toEqual([200, '{"challenge":"3eZbrw1a"}'])
    expect(await kitOf('foundry').send(challenge)).toEqual([200, '{"received":true}'])
  })
})

describe('once', () => {
  it('handles each event of a batch once, those that failed in the next attempt', async () => {
    let room = 2
    const once = idempotent(memoryStore())
    const { seen, send } = kitOf('standard-webhooks', {
      once,
      handle: () => (room-- > 0 ? undefined : Promise.reject(new Error('no room'))),
    })
    const batch = [{ id: 'a' }, { id: 'b' }, { id: 'c' }]
    await expect(send(batch)).rejects.toThrow('no room')
    room = 9
    expect(await send(batch)).toEqual([200, '{"ok":true}'])
    expect(await send(batch)).toEqual([200, '{"ok":true}'])
    expect(seen.map(({ event, id }) => [event.id, id])).toEqual([
      ['a', 'msg_1/0'],
      ['b', 'msg_1/1'],
      ['c', 'msg_1/2'],
      ['c', 'msg_1/2'],
    ])
    expect(await send({ data: [{ id: 'd' }], paging: { total: 1 } })).toEqual([200, '{"ok":true}'])
    expect(await send([])).toEqual([200, '{"ok":true}'])
  })

  it('asks the sender to come again while another copy is being handled', async () => {
    let end = () => {}
    const { kit, seen, send } = kitOf('foundry', {
      once: idempotent(memoryStore()),
      handle: () => new Promise<void>((resolve) => (end = resolve)),
    })
    const [first, second] = [send({ id: 'a' }), await send({ id: 'a' })]
    expect(second[0]).toBe(503)
    end()
    expect(await first).toEqual([200, '{"received":true}'])
    expect(await send({ id: 'a' })).toEqual([200, '{"received":true}'])
    expect(seen).toHaveLength(1)
    expect(kit.maxBytes).toBe(5 * 1024 * 1024)
  })
})

it('takes what every format makes of an event', async () => {
  const { parse, samples } = sources.get('tidings')
  const [event] = samples.flatMap((sample) => parse(received(sample), limits).map(toEvent)) as [Event, ...Event[]]
  for (const format of formats.all().filter(({ settings }) => !settings)) {
    const { body, headers = {}, contentType } = format.render(event, plainContext)
    const { seen, send } = kitOf('standard-webhooks')
    expect(await send(Buffer.from(body).toString(), { ...headers, 'content-type': contentType }), format.name).toEqual([200, '{"ok":true}'])
    expect(seen[0]?.id).toBe('msg_1')
  }
})
