import type { Answer } from './answer.ts'
import { rawBody, type NodeRequest } from './raw-body.ts'
import type { Receiver } from './receive.ts'

/** For whatever hands a Fetch `Request` over: Deno, Bun, edge functions, the routes of Next. */
export function forRequest(receiver: Receiver): (request: Request) => Promise<Response> {
  return async (request) => {
    const { method, url, headers } = request
    const body = await rawBody(request, receiver.maxBytes)
    const { origin } = new URL(url)
    const answer = await receiver.answer({ method, url, target: url.slice(origin.length), headers, body })
    return new Response(answer.body, { status: answer.status, headers: answer.headers })
  }
}

/** `app.post('/webhooks/foundry', forHono(foundry))` */
export function forHono(receiver: Receiver): (context: { req: { raw: Request } }) => Promise<Response> {
  const answer = forRequest(receiver)
  return ({ req }) => answer(req.raw)
}

/** What Express adds to Node's own; without a `next` it is a plain listener of `node:http`. */
export type ExpressRequest = NodeRequest & {
  method?: string | undefined
  url?: string | undefined
  /** With the path that a router was mounted at, which `url` is without. */
  originalUrl?: string
}
export type ExpressResponse = {
  statusCode: number
  setHeader(name: string, value: string): unknown
  end(text: string): unknown
}

/** `app.post('/webhooks/foundry', forExpress(foundry))`, before `express.json()` is used. */
export function forExpress(receiver: Receiver) {
  return async (request: ExpressRequest, response: ExpressResponse, next?: (error: unknown) => void): Promise<void> => {
    try {
      const { method = 'POST', url = '/', originalUrl: target = url, headers } = request
      const body = await rawBody(request, receiver.maxBytes)
      send(response, await receiver.answer({ method, target, headers, body }))
    } catch (error) {
      if (next) next(error)
      else send(response, { status: 500, headers: {}, body: '' })
    }
  }
}

function send(response: ExpressResponse, { status, headers, body }: Answer): void {
  response.statusCode = status
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  response.end(body)
}

export type FastifyRequest = { method: string; url: string; headers: Record<string, string | string[] | undefined>; body?: unknown }
export type FastifyReply = {
  code(status: number): unknown
  headers(headers: Record<string, string>): unknown
  send(text: string): unknown
}
export type FastifyInstance = {
  removeAllContentTypeParsers(): unknown
  addContentTypeParser(type: string, parser: (request: unknown, payload: NodeRequest) => Promise<unknown>): unknown
  post(path: string, handler: (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>): unknown
}

/** `app.register(forFastify(foundry, '/webhooks/foundry'))`: a plugin, because there raw bytes are a matter of its parsers. */
export function forFastify(receiver: Receiver, path: string) {
  return async (fastify: FastifyInstance): Promise<void> => {
    // this plugin's own: the routes outside of it keep their parsers
    fastify.removeAllContentTypeParsers()
    fastify.addContentTypeParser('*', async (_, payload) => ({ bytes: await rawBody(payload, receiver.maxBytes) }))
    fastify.post(path, async ({ method, url: target, headers, body: parsed }, reply) => {
      // no parser is asked about a request without a body
      const { bytes: body } = (parsed ?? { bytes: new Uint8Array() }) as { bytes: Uint8Array | undefined }
      const answer = await receiver.answer({ method, target, headers, body })
      reply.code(answer.status)
      reply.headers(answer.headers)
      return reply.send(answer.body)
    })
  }
}
