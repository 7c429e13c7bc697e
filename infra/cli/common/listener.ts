import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import type { Answer } from '../../../shared/receiver/answer.ts'
import { readEvents, type ReceivedEvent } from '../../../shared/receiver/event.ts'
import { rawBody } from '../../../shared/receiver/raw-body.ts'
import { receiver } from '../../../shared/receiver/receive.ts'
import { senderOf } from '../../../shared/receiver/senders.ts'
import { lowerCased, resolveScheme } from '../../../shared/receiver/verify.ts'
import { Failure, misused } from './fail.ts'
import type { Io } from './io.ts'
import { clean, clock } from './print.ts'

export type Verifying = { scheme: string; secrets: string[]; params?: Record<string, unknown> }
export type Behaviour = {
  /** From 0 to 1. */
  failShare: number
  status: number
  delayMs: number
  retryAfter: number | undefined
  publicUrl: string | undefined
}
/** One event as it came; a request that cannot be read as events is one without. */
export type Heard = {
  at: string
  method: string
  path: string
  /** Null: there was nothing to verify it with. */
  verified: boolean | null
  /** Why it does not verify. */
  refused: string | null
  id: string | null
  type: string | null
  /** Whether the id has come before. */
  again: boolean
  answered: number
  headers: Record<string, string | undefined>
  event: ReceivedEvent | null
}
export type Listener = { url: string; counts: { requests: number; failed: number; refused: number }; stop(): Promise<void> }

const maxBytes = 16 * 1024 * 1024
type Event = Pick<Heard, 'id' | 'type' | 'event'>
type Judged = { answer: Answer; verified: boolean | null; refused: string | null; events: Event[] }

export async function startListener(
  behaviour: Behaviour,
  verifying: Verifying,
  { host, port, heard }: { host: string; port: number; heard(one: Heard): void },
): Promise<Listener> {
  checkScheme(verifying)
  const counts = { requests: 0, failed: 0, refused: 0 }
  const seen = new Set<string>()
  const server = createServer((request, response) => void take(request, response).catch(() => response.destroy()))

  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const at = new Date().toISOString()
    const { method = 'POST', url: path = '/' } = request
    const headers = lowerCased(request.headers)
    const body = (await rawBody(request, maxBytes)) ?? new Uint8Array()
    const judged = await judge({ method, target: path, headers: request.headers, body }, behaviour, verifying)
    const fails = judged.refused === null && Math.random() < behaviour.failShare
    if (behaviour.delayMs > 0) await wait(behaviour.delayMs)
    counts.requests++
    if (fails) counts.failed++
    if (judged.refused !== null) counts.refused++
    const answer = fails ? failureOf(behaviour) : judged.answer
    response.writeHead(answer.status, answer.headers).end(answer.body)
    const nothing: Event[] = [{ id: null, type: null, event: null }]
    for (const { id, type, event } of judged.events.length > 0 ? judged.events : nothing) {
      const again = id !== null && seen.has(id)
      if (id !== null) seen.add(id)
      const { verified, refused } = judged
      heard({ at, method, path, verified, refused, id, type, again, answered: answer.status, headers, event })
    }
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: Error) => reject(new Failure(`cannot listen on ${host}:${port}: ${error.message}`)))
    server.listen(port, host, resolve)
  })
  const { address, family, port: taken } = server.address() as AddressInfo
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${taken}/`,
    counts,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

function checkScheme({ scheme, params }: Verifying): void {
  try {
    resolveScheme({ scheme, ...(params && { params }) })
  } catch (error) {
    throw misused((error as Error).message)
  }
}

type Request = { method: string; target: string; headers: IncomingMessage['headers']; body: Uint8Array }

/** As `tidings/receiver` judges it; without a secret, what it holds is all that can be said. */
async function judge(request: Request, { publicUrl }: Behaviour, { scheme, secrets, params }: Verifying): Promise<Judged> {
  const events: Event[] = []
  let refused: string | null = null
  if (secrets.length === 0) {
    const sender = senderOf(scheme)
    const headers = lowerCased(request.headers)
    for (const event of readEvents(headers, request.body, sender.binaryMode) ?? [])
      events.push({
        id: sender.requestId?.(headers) ?? sender.eventId(event, headers) ?? null,
        type: sender.type(event, headers) ?? null,
        event,
      })
    return {
      answer: { status: 200, headers: { 'content-type': 'application/json' }, body: '{"ok":true}' },
      verified: null,
      refused,
      events,
    }
  }
  const one = receiver({
    scheme,
    secrets,
    maxBytes,
    ...(params && { params }),
    ...(publicUrl !== undefined && { publicUrl: new URL(publicUrl).origin }),
    handle: (event, { id, type }) => void events.push({ id, type: type ?? null, event }),
    onRefused: (error) => void (refused = error.message),
  })
  const answer = await one.answer(request)
  return { answer, verified: refused === null, refused, events }
}

const failureOf = ({ status, retryAfter }: Behaviour): Answer => ({
  status,
  headers: { 'content-type': 'text/plain', ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }) },
  body: 'failed on purpose\n',
})

export function receivedLine(io: Io, one: Heard, withBody: boolean): string {
  const { at, verified, refused, id, type, again, answered, event, method, path } = one
  const mark =
    verified === null ? io.paint('dim', 'unverified') : verified ? io.paint('green', 'verified  ') : io.paint('red', 'REFUSED   ')
  const parts = [
    io.paint('dim', clock(at)),
    mark,
    io.paint(answered < 300 ? 'green' : 'yellow', String(answered)),
    clean(type ?? `${method} ${path}`),
    refused ? clean(refused) : '',
    again ? io.paint('yellow', 'again') : '',
    io.paint('dim', clean(id ?? '')),
  ]
  const line = parts.filter((part) => part !== '').join('  ')
  return withBody && event ? `${line}\n${JSON.stringify(event, null, 2).split('\n').map(clean).join('\n')}` : line
}
