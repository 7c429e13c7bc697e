import { Agent, request, type Dispatcher } from 'undici'
import type { SendResult } from '../contracts/delivery.ts'
import type { AddressPolicy } from './address-policy.ts'
import { createGuardedConnector, type GuardOptions } from './address-guard.ts'

export type Outgoing = {
  /** POST when left out. */
  method?: 'GET' | 'POST'
  url: string
  headers: Record<string, string>
  /** Left out with GET. */
  body?: Uint8Array
  timeoutMs: number
  /** Ends the attempt early. */
  signal?: AbortSignal
}
export type SenderOptions = {
  connectionsPerOrigin?: number
  /** Kept of each answer; the rest is dropped and `responseTruncated` says so. */
  keptBytes?: number
} & Pick<GuardOptions, 'lookup'>
export type Sender = { send(outgoing: Outgoing): Promise<SendResult>; close(): Promise<void> }

/** Kept of each answer; enough for an error page's text, too little to fill the log. */
export const responseBytes = 16_384
const responseHeaderBytes = 16_384

/** The attempt was ended by ourselves: not an outcome, nobody's fault, to be done again. */
export class SendAborted extends Error {}

/**
 * One HTTP request, one result, whatever the receiver does. A 2xx is success as soon as its headers are here. One
 * deadline holds for connecting, headers and body together. Redirects are answers like any other and never followed;
 * nothing is decompressed; nothing is repeated inside.
 */
export function createSender(
  policy: AddressPolicy,
  { connectionsPerOrigin = 256, keptBytes = responseBytes, ...guard }: SenderOptions = {},
): Sender {
  const agent = new Agent({
    connect: createGuardedConnector(policy, { connectTimeoutMs: 10_000, ...guard }),
    connections: connectionsPerOrigin,
    pipelining: 1,
    keepAliveTimeout: 10_000,
    // A kept connection is trusted no longer than this: afterwards the address is resolved and judged again.
    keepAliveMaxTimeout: 60_000,
    maxHeaderSize: responseHeaderBytes,
  })
  const followers = createFollowers()
  return {
    send: (outgoing) => send({ agent, policy, keptBytes, followers }, outgoing),
    close: () => agent.destroy(),
  }
}

type Way = { agent: Agent; policy: AddressPolicy; keptBytes: number; followers: Followers }

async function send({ agent, policy, keptBytes, followers }: Way, outgoing: Outgoing): Promise<SendResult> {
  const { method = 'POST', url, headers, body = null, timeoutMs, signal } = outgoing
  const startedAt = performance.now()
  const elapsed = () => Math.round((performance.now() - startedAt) * 10) / 10
  const allowed = policy.checkUrl(url)
  if (!allowed.ok) return { outcome: 'blocked', error: allowed.reason, timings: { endMs: elapsed() } }

  const deadline = startDeadline(startedAt + timeoutMs)
  const unfollow = signal && followers.follow(signal, deadline.controller)
  const ending = deadline.controller.signal
  try {
    // The deadline alone decides: undici's own limits begin anew with each part of the answer.
    const options = { method, headers, body, signal: ending, dispatcher: agent, headersTimeout: 0, bodyTimeout: 0 } as const
    const response = await orAborted(request(allowed.url, options), ending)
    const headersMs = elapsed()
    const { text, truncated } = await readBody(response.body, keptBytes)
    const retryAfter = response.headers['retry-after']
    return {
      outcome: response.statusCode >= 200 && response.statusCode < 300 ? 'succeeded' : 'rejected',
      statusCode: response.statusCode,
      responseHeaders: flatHeaders(response.headers),
      responseBody: text,
      responseTruncated: truncated,
      ...(typeof retryAfter === 'string' && { retryAfter }),
      timings: { headersMs, endMs: elapsed() },
    }
  } catch (error) {
    if (signal?.aborted) throw new SendAborted('the process is stopping', { cause: error })
    return { ...failure(error, timeoutMs), timings: { endMs: elapsed() } }
  } finally {
    deadline.stop()
    unfollow?.()
  }
}

type Followers = { follow(signal: AbortSignal, controller: AbortController): () => void }

/** Requests that end with a signal: one listener for all of them, as the signal outlives them by far (`AbortSignal.any` keeps a trace of each). */
function createFollowers(): Followers {
  const bySignal = new WeakMap<AbortSignal, Set<AbortController>>()
  return {
    follow(signal, controller) {
      if (signal.aborted) controller.abort(signal.reason)
      let following = bySignal.get(signal)
      if (!following) {
        const all = new Set<AbortController>()
        signal.addEventListener('abort', () => all.forEach((one) => one.abort(signal.reason)), { once: true })
        bySignal.set(signal, (following = all))
      }
      following.add(controller)
      return () => following.delete(controller)
    },
  }
}

/** Never early: a timer counts from when the event loop last looked at the clock, so what is missing is waited for again. */
function startDeadline(at: number): { controller: AbortController; stop(): void } {
  const controller = new AbortController()
  let timer: NodeJS.Timeout
  const wait = () => {
    const left = at - performance.now()
    if (left <= 0) controller.abort(new DOMException('the deadline has passed', 'TimeoutError'))
    else timer = setTimeout(wait, Math.ceil(left))
  }
  wait()
  return { controller, stop: () => clearTimeout(timer) }
}

/** undici looks at a signal only once it is connected: a connection that never comes must not outlive the deadline. */
async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let abort: () => void = () => {}
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason as Error)
    signal.addEventListener('abort', abort)
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** Reads up to the cap, then drops the connection: whatever else is coming is not worth waiting for. */
async function readBody(body: Dispatcher.ResponseData['body'], keptBytes: number): Promise<{ text: string; truncated: boolean }> {
  const chunks: Buffer[] = []
  let bytes = 0
  // By its events: an iterator over each answer costs as much as the rest of reading it.
  const truncated = await new Promise<boolean>((resolve) => {
    body.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > keptBytes) resolve(true)
    })
    body.on('end', () => resolve(bytes > keptBytes))
    // Cut off, or too slow for the deadline. The status has arrived and stands; the body is what came of it.
    body.on('error', () => resolve(true))
    body.on('close', () => resolve(!body.readableEnded))
  })
  body.destroy()
  return { text: Buffer.concat(chunks).subarray(0, keptBytes).toString('utf8'), truncated }
}

const flatHeaders = (headers: Record<string, string | string[] | undefined>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]))

const timeoutCodes = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT'])

/** Texts by code, never the error's own: that one may name the resolved address of something inside. */
const unreachableTexts: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection closed while sending',
  ENOTFOUND: 'host name not found',
  EAI_AGAIN: 'host name could not be resolved for now',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network unreachable',
  UND_ERR_SOCKET: 'connection closed before an answer',
  UND_ERR_HEADERS_OVERFLOW: 'the answer has too many header bytes',
  HPE_INVALID_CONSTANT: 'the answer is not HTTP',
  CERT_HAS_EXPIRED: 'the TLS certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the TLS certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'the TLS certificate chain has a self-signed certificate',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the TLS certificate cannot be verified',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the TLS certificate is for another host name',
}

function failure(error: unknown, timeoutMs: number): Pick<SendResult, 'outcome' | 'error'> {
  const { name, code = '' } = error as { name?: string; code?: string }
  if (code === 'TIDINGS_BLOCKED') return { outcome: 'blocked', error: (error as Error).message }
  if (name === 'TimeoutError' || name === 'AbortError' || timeoutCodes.has(code))
    return { outcome: 'timed_out', error: `no answer within ${timeoutMs} ms` }
  return {
    outcome: 'unreachable',
    error: unreachableTexts[code] ?? `no usable answer (${/^[A-Z0-9_]{3,60}$/.test(code) ? code : 'protocol error'})`,
  }
}
