import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serve, type ServerType } from '@hono/node-server'
import { Hono } from 'hono'
import { afterEach, describe, expect, it } from 'vitest'
import {
  forExpress,
  forFastify,
  forHono,
  forRequest,
  receiver,
  type EventContext,
  type ReceivedEvent,
  type Receiver,
  type ReceiverOptions,
} from '../../shared/receiver/index.ts'
import { loadSchemes } from '../support/samples.ts'

const schemes = await loadSchemes()
const secret = 'whsec_your_webhook_secret_here'
const text = '{"id":"evt-1","type":"ontology.object.created","data":{"objectType":"Größe","primaryKey":9007199254740993}}'
const servers: (Server | ServerType)[] = []
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))))
})

const urlOf = (server: Server | ServerType) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  return urlOf(server)
}
async function listenHono(app: Hono): Promise<string> {
  const server = await new Promise<ServerType>((resolve) => {
    const made = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, () => resolve(made))
  })
  servers.push(server)
  return urlOf(server)
}

/** Fastify as far as the adapter speaks with it: a parser of the plugin, one route, and no parser where there is no body. */
async function fastifyListener(kit: Receiver): Promise<RequestListener> {
  type Plugin = Parameters<ReturnType<typeof forFastify>>[0]
  let parser: Parameters<Plugin['addContentTypeParser']>[1] | undefined
  let handler: Parameters<Plugin['post']>[1] | undefined
  await forFastify(
    kit,
    '/hook',
  )({
    removeAllContentTypeParsers: () => (parser = undefined),
    addContentTypeParser: (_, added) => (parser = added),
    post: (_, added) => (handler = added),
  })
  return async (request, response) => {
    const { method = '', url = '', headers } = request
    const body = headers['content-length'] === '0' ? undefined : await parser?.(undefined, request)
    await handler?.(
      { method, url, headers, body },
      {
        code: (status) => (response.statusCode = status),
        headers: (more) => Object.entries(more).forEach(([name, value]) => response.setHeader(name, value)),
        send: (answer) => response.end(answer),
      },
    )
  }
}

const adapters: { name: string; start(kit: Receiver): Promise<string> }[] = [
  { name: 'Express, as node:http', start: (kit) => listen(forExpress(kit)) },
  { name: 'Hono', start: (kit) => listenHono(new Hono().post('/hook', forHono(kit))) },
  { name: 'Fastify', start: async (kit) => listen(await fastifyListener(kit)) },
  { name: 'a plain Request', start: (kit) => listenHono(new Hono().all('*', ({ req }) => forRequest(kit)(req.raw))) },
]

type Seen = { event: ReceivedEvent; context: EventContext }
function kitOf(options: Partial<ReceiverOptions> = {}) {
  const seen: Seen[] = []
  const handle = (event: ReceivedEvent, context: EventContext) => void seen.push({ event, context })
  return { seen, kit: receiver({ scheme: 'foundry', secrets: [secret], handle, ...options }) }
}
const sign = (scheme: string, body: string | Buffer, now = Date.now(), secrets = [secret]) =>
  schemes.get(scheme).sign({ id: 'msg_1', now, body: Buffer.from(body), secrets })
async function post(url: string, body: string | Buffer, headers: Record<string, string>) {
  const response = await fetch(`${url}/hook`, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } })
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    after: response.headers.get('retry-after'),
    body: await response.text(),
  }
}

describe.each(adapters)('a receiver behind $name', ({ start }) => {
  it('hands over what is signed, its bytes untouched, and answers as Foundry expects', async () => {
    const { kit, seen } = kitOf()
    const url = await start(kit)

    expect(await post(url, text, sign('foundry', text))).toMatchObject({ status: 200, type: 'application/json', body: '{"received":true}' })
    expect(seen).toMatchObject([{ event: { id: 'evt-1' }, context: { id: 'evt-1', type: 'ontology.object.created' } }])
    expect(Buffer.from(seen[0]?.context.body ?? []).toString()).toBe(text)
  })

  it('refuses in the words of the sender what is not signed, and what is too old', async () => {
    const errors: string[] = []
    const { kit, seen } = kitOf({ onRefused: ({ kind }) => errors.push(kind) })
    const url = await start(kit)
    const refusals = [
      await post(url, text, {}),
      await post(url, `${text} `, sign('foundry', text)),
      await post(url, text, sign('foundry', text, Date.now() - 302_000)),
    ]

    expect(refusals.map(({ body }) => body)).toEqual([
      '{"error":"Invalid signature"}',
      '{"error":"Invalid signature"}',
      '{"error":"Timestamp too old"}',
    ])
    expect(refusals.map(({ status }) => status)).toEqual([401, 401, 401])
    expect(errors).toEqual(['signature', 'signature', 'timestamp'])
    expect(seen).toEqual([])
  })

  it('refuses a body that is too large, and one that holds no event', async () => {
    const { kit, seen } = kitOf({ maxBytes: 200 })
    const url = await start(kit)
    const large = JSON.stringify({ id: 'x'.repeat(100_000) })
    for (const body of ['', '{', '"text"', '[1]', '\ufeff{'])
      expect(await post(url, body, sign('foundry', body)), body).toMatchObject({ status: 400, type: 'application/problem+json' })
    expect(await post(url, large, sign('foundry', large))).toMatchObject({ status: 413 })
    expect(await post(url, text, sign('foundry', text))).toMatchObject({ status: 200 })
    expect(seen).toHaveLength(1)
  })
})

describe('raw bytes', () => {
  const { kit } = kitOf()

  it('are taken from where a parser left them', async () => {
    for (const member of ['body', 'rawBody'])
      expect(await post(await listen(eaten((bytes) => ({ [member]: bytes }))), text, sign('foundry', text))).toMatchObject({ status: 200 })
  })

  it('are missed aloud when a parser has eaten them', async () => {
    const url = await listen(eaten((bytes) => ({ body: JSON.parse(bytes.toString()) as unknown })))
    expect((await post(url, text, sign('foundry', text))).body).toMatch(/a body parser has read the request already.*express\.raw/)
  })

  it('are missed aloud when a handler before has read the Request', async () => {
    const request = new Request('http://localhost/hook', { method: 'POST', body: text, headers: sign('foundry', text) })
    await request.json()
    await expect(forRequest(kit)(request)).rejects.toThrow('has been read before')

    const app = new Hono()
    app.use(async ({ req }, next) => {
      await req.json()
      await next()
    })
    app.post('/hook', forHono(kit))
    app.onError((error, c) => c.text(error.message, 500))
    expect((await post(await listenHono(app), text, sign('foundry', text))).body).toContain('has been read before')
  })

  /** As body-parser does: reads the stream, and leaves something in the request. */
  const eaten = (keep: (bytes: Buffer) => object): RequestListener => {
    const handler = forExpress(kit)
    return async (request, response) => {
      const bytes = Buffer.concat((await request.toArray()) as Buffer[])
      await handler(Object.assign(request, keep(bytes)), response, (error) => response.writeHead(500).end(String(error)))
    }
  }
})
