import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import { arrival, eventually } from './eventually.ts'

/** One request as it came in. `id` is its `webhook-id`, empty where there is none. */
export type Received = { id: string; at: number; path: string; headers: Record<string, string>; body: string }

/** A status, or more; `hang`: reads the request and never answers; `reset`: breaks the connection instead. */
export type Answer = number | { status: number; headers?: Record<string, string>; body?: string; afterMs?: number } | 'hang' | 'reset'

/** What is received under one path, and how it is answered. */
export type Inbox = {
  url: string
  requests: Received[]
  /** One answer for each request from now on; the last one stays for all that follow. 200 where nothing is said. */
  reply(...answers: Answer[]): void
  /** The nth request, from 1, as soon as it is here. */
  request(n: number): Promise<Received>
  /** Resolves when each of these ids has come at least once. */
  seen(ids: string[], withinMs?: number): Promise<void>
}

export type Receiver = Inbox & {
  /** A part of the receiver with answers of its own; without any it answers like the whole. */
  at(path: string): Inbox
  /** Connections accepted so far. */
  connections(): number
  stop(): Promise<void>
}

/** A consumer of webhooks: a real server on a port of its own, which does as it is told and forgets nothing. */
export async function startReceiver(): Promise<Receiver> {
  const parts = new Map<string, Part>()
  let connections = 0
  const server = createServer((request, response) => void receive(request, response).catch(() => response.destroy()))
  // a dispatcher keeps connections for as long as it likes; only its own decision is to be seen
  server.keepAliveTimeout = 600_000
  server.on('connection', () => connections++)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const whole = createPart(`${origin}/`)

  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const received = await read(request)
    const part = parts.get(received.path)
    const answer = part?.next() ?? whole.next() ?? 200
    for (const one of part ? [part, whole] : [whole]) one.inbox.requests.push(received)
    if (answer === 'hang') return
    if (answer === 'reset') return void request.socket.resetAndDestroy()
    const { status, headers = {}, body = '', afterMs = 0 } = typeof answer === 'number' ? { status: answer } : answer
    if (afterMs > 0) await new Promise((resolve) => setTimeout(resolve, afterMs))
    response.writeHead(status, headers).end(body)
  }

  return {
    ...whole.inbox,
    at(path) {
      const part = parts.get(path) ?? createPart(origin + path)
      parts.set(path, part)
      return part.inbox
    },
    connections: () => connections,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

type Part = { inbox: Inbox; next(): Answer | undefined }

function createPart(url: string): Part {
  const requests: Received[] = []
  let answers: Answer[] = []
  return {
    next: () => (answers.length > 1 ? answers.shift() : answers[0]),
    inbox: {
      url,
      requests,
      reply: (...next) => void (answers = next),
      request: (n) => arrival(`request ${n} to ${url}`, () => requests[n - 1]),
      seen: (ids, withinMs) =>
        eventually(() => {
          const seen = new Set(requests.map((request) => request.id))
          const missing = ids.filter((id) => !seen.has(id))
          if (missing.length > 0) throw new Error(`${missing.length} of ${ids.length} did not come to ${url}, such as ${missing[0]}`)
        }, withinMs),
    },
  }
}

async function read(request: IncomingMessage): Promise<Received> {
  const at = Date.now()
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]))
  return { id: headers['webhook-id'] ?? '', at, path: request.url ?? '', headers, body: Buffer.concat(chunks).toString() }
}

/** As a consumer would check it: with the reference library of Standard Webhooks, and not with code of ours. */
export function isSignedWith(secret: string, { body, headers }: Received): boolean {
  try {
    new Webhook(secret).verify(body, headers, { jsonParse: false })
    return true
  } catch {
    return false
  }
}
