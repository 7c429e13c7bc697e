import { createHash } from 'node:crypto'
import { json, problem, type Answer } from './answer.ts'
import { readEvents, type ReceivedEvent, type ReceivedHeaders } from './event.ts'
import type { Once } from './idempotent.ts'
import { senderOf, type Sender } from './senders.ts'
import { VerificationError, lowerCased, resolveScheme, usableSecrets, verify, type HeadersLike, type Verification } from './verify.ts'

export type EventContext = {
  type: string | undefined
  /** What duplicates are told by. */
  id: string
  headers: ReceivedHeaders
  /** Of the whole request, as it came. */
  body: Uint8Array
}

export type EventHandler<E = ReceivedEvent> = (event: E, context: EventContext) => unknown

export type ReceiverOptions<E = ReceivedEvent> = Verification & {
  /** Called with each event; the request is acknowledged when it is done, and sent again by the sender when it fails. */
  handle: EventHandler<E>
  /** Of `idempotent`: left out, an event that comes twice is handled twice. */
  once?: Once
  /** Told of each request that does not verify. */
  onRefused?: (error: VerificationError) => void
  /** Origin, and path where a proxy takes one away, under which senders know us; for schemes that sign the URL. */
  publicUrl?: string
  /** Largest body; 5 MiB unless given. */
  maxBytes?: number
}

export type IncomingRequest = {
  method: string
  /** Path and query, as they were sent. */
  target: string
  /** The full URL, where the framework knows it. */
  url?: string
  headers: HeadersLike
  /** Undefined when it is larger than `maxBytes`. */
  body: Uint8Array | undefined
}

export type Receiver = { maxBytes: number; answer(request: IncomingRequest): Promise<Answer> }

/** Verify, read, handle once, answer as the sender expects. The adapters put it behind a framework. */
export function receiver<E = ReceivedEvent>(options: ReceiverOptions<E>): Receiver {
  const { scheme } = resolveScheme(options)
  if (usableSecrets(options.secrets).length === 0) throw new Error(`there is no secret to verify ${scheme.name} with`)
  const { maxBytes = 5 * 1024 * 1024, publicUrl } = options
  const sender = senderOf(scheme.name)
  return {
    maxBytes,
    async answer({ method, target, url, headers: given, body }) {
      if (!body) return problem(413, 'Content Too Large', `a body may have ${maxBytes} bytes`, { connection: 'close' })
      const headers = lowerCased(given)
      const refusal = refusalOf(options, sender, { method, url: publicUrl ? publicUrl.replace(/\/$/, '') + target : url, headers, body })
      if (refusal) return refusal
      const events = readEvents(headers, body, sender.binaryMode)
      if (!events) return problem(400, 'Bad Request', 'the body holds no event: it must be a JSON object, or an array of them')
      const challenge = events[0] && sender.handshake?.(events[0])
      if (challenge) return json(200, challenge)
      return handleAll(options, sender, { events, headers, body })
    },
  }
}

type Signed = { method: string; url: string | undefined; headers: ReceivedHeaders; body: Uint8Array }

function refusalOf<E>(options: ReceiverOptions<E>, sender: Sender, request: Signed): Answer | undefined {
  const { scheme, secrets, params, toleranceSeconds } = options
  try {
    verify({ scheme, secrets, ...(params && { params }), ...(toleranceSeconds !== undefined && { toleranceSeconds }), ...request })
    return undefined
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error
    options.onRefused?.(error)
    return sender.refused ? json(401, sender.refused(error)) : problem(401, 'Unauthorized', error.message)
  }
}

type Read = { events: ReceivedEvent[]; headers: ReceivedHeaders; body: Uint8Array }

/** One after the other; when one fails, those before it are duplicates in the sender's next attempt. */
async function handleAll<E>({ handle, once }: ReceiverOptions<E>, sender: Sender, { events, headers, body }: Read): Promise<Answer> {
  const requestId = sender.requestId?.(headers)
  for (const [index, event] of events.entries()) {
    const own = requestId ? requestId + (events.length > 1 ? `/${index}` : '') : sender.eventId(event, headers)
    const id = own ?? contentId(event)
    const run = async () => handle(event as E, { type: sender.type(event, headers), id, headers, body })
    const handled = await (once ?? always)(id, run)
    if (handled.outcome === 'running') {
      const after = { 'retry-after': String(handled.retryAfterSeconds) }
      return problem(503, 'Service Unavailable', 'another copy of this event is being handled', after)
    }
  }
  return json(200, sender.accepted)
}

const always: Once = async (_, run) => ({ outcome: 'handled', value: await run() })

/** Copies of an event without an id are the same in every byte that matters. */
const contentId = (event: ReceivedEvent): string => createHash('sha256').update(JSON.stringify(event)).digest('hex')
