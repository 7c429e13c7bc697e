import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ReceiverPlan, Situation } from './receivers.ts'
import { readers, verifiers } from './verify.ts'

/** One request that came to a receiver. */
export type Receipt = {
  receiver: string
  eventId: string | undefined
  type: string | undefined
  valid: boolean
  /** What was answered; null while it is not, and for ever when the sender did not wait. */
  status: number | null
}

export type Receiver = {
  plan: ReceiverPlan
  url: string
  receipts: Receipt[]
  /** Told once, after Tidings has made it. */
  secret: string
  stop(): Promise<void>
}

const maxBodyBytes = 4 * 1024 * 1024

/** A real HTTP server on loopback that verifies what it gets, answers as its plan says, and keeps count. */
export async function startReceiver(plan: ReceiverPlan, situation: () => Situation): Promise<Receiver> {
  const receipts: Receipt[] = []
  const server = createServer({ keepAliveTimeout: 30_000 }, (request, response) => {
    receive(request, response).catch(() => response.destroy())
  })

  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const delivered = { headers: request.headers, body: await readBody(request), secret: receiver.secret }
    const valid = request.method === 'POST' && verifiers[plan.scheme](delivered)
    const receipt: Receipt = { receiver: plan.label, ...readers[plan.format](delivered), valid, status: null }
    receipts.push(receipt)
    const answer = valid ? plan.answer(situation()) : { status: 401, afterMs: 0 }
    if (answer === 'hang') return
    const send = () => {
      if (response.destroyed) return
      receipt.status = answer.status
      response.writeHead(answer.status, answer.headers).end()
    }
    if (answer.afterMs > 0) setTimeout(send, answer.afterMs).unref()
    else send()
  }

  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const receiver: Receiver = {
    plan,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/${plan.label.replaceAll(' ', '-')}`,
    receipts,
    secret: '',
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return receiver
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxBodyBytes) throw new Error('far more than any event of the day has')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
