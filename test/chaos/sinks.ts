import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { verifiers } from '../../infra/demo/verify.ts'

/** One request as it came in: the ground truth, which nothing of Tidings has a hand in. */
export type Post = {
  /** Name of the sink, from the path. */
  sink: string
  /** The event, from `webhook-id`. */
  id: string
  at: number
  signed: boolean
  /** What it was answered, or was going to be. */
  answer: number | 'reset' | 'hang'
}

export type Answer = { answer: Post['answer']; afterMs: number }
/** What a sink does, decided anew for each request. */
export type Behaviour = (path: string, eventId: string) => Answer

export type Sinks = {
  origin: string
  /** Adds a sink; its secret is known once its webhook is made. */
  add(name: string, behave: Behaviour): { url: string; sign(secret: string): void }
  /** Requests so far. */
  count(): number
  underWay(): number
  /** Requests that were answered since then. */
  answeredSince(at: number): number
  /** Everything that was received, read from the file. */
  truth(): Post[]
  stop(): Promise<void>
}

type Sink = { behave: Behaviour; secret: string | undefined }

/** Receivers on one port, told apart by path. Each request is in the file before it is answered. */
export async function startSinks(file: string): Promise<Sinks> {
  const sinks = new Map<string, Sink>()
  const truthFile = openSync(file, 'a')
  const answered: number[] = []
  let [count, underWay] = [0, 0]

  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '/'
    const name = path.split('/')[1] ?? ''
    const sink = sinks.get(name)
    if (!sink) return void response.writeHead(404).end()
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const signed = verifiers['standard-webhooks']({ headers: request.headers, body: Buffer.concat(chunks), secret: sink.secret ?? '' })
    const id = String(request.headers['webhook-id'] ?? '')
    const { answer, afterMs } = sink.behave(path, id)
    const post: Post = { sink: name, id, at: Date.now(), signed, answer }
    writeSync(truthFile, `${JSON.stringify(post)}\n`)
    count++
    if (answer === 'hang') return
    underWay++
    await new Promise((resolve) => setTimeout(resolve, afterMs))
    underWay--
    answered.push(Date.now())
    if (answer === 'reset') request.socket.resetAndDestroy()
    else response.writeHead(answer).end()
  }

  // what the dispatcher broke off was not received
  const server = createServer((request, response) => void receive(request, response).catch(() => response.destroy()))
  server.keepAliveTimeout = 600_000
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  return {
    origin,
    add(name, behave) {
      const sink: Sink = { behave, secret: undefined }
      sinks.set(name, sink)
      return { url: `${origin}/${name}`, sign: (secret) => void (sink.secret = secret) }
    },
    count: () => count,
    underWay: () => underWay,
    answeredSince: (at) => answered.filter((time) => time >= at).length,
    truth: () =>
      readFileSync(file, 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Post),
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
      closeSync(truthFile)
    },
  }
}
