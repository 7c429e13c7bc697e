import type { Socket } from 'node:net'
import type { Dispatcher } from 'undici'
import type { SendResult } from '../contracts/delivery.ts'

/** The attempt was ended by ourselves: not an outcome, nobody's fault, to be done again. */
export class SendAborted extends Error {}

type Terms = {
  startedAt: number
  timeoutMs: number
  /** Kept of the answer; more is not waited for. */
  keptBytes: number
  resolve(result: SendResult): void
  reject(error: SendAborted): void
}
type Head = { statusCode: number; headers: Record<string, string>; headersMs: number }

/**
 * One request on its way through undici, as undici's own handler of it: whatever comes first of the answer's end, the
 * cap, the deadline and an error settles it, and the connection is given up where something would still be coming.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #terms: Terms
  #controller: Dispatcher.DispatchController | undefined
  #connecting: Socket | undefined
  #timer: NodeJS.Timeout | undefined
  #cleanUp: (() => void) | undefined
  #head: Head | undefined
  #chunks: Buffer[] = []
  #bytes = 0
  #interim = 0
  #settled = false

  constructor(terms: Terms) {
    this.#terms = terms
    this.#wait()
  }

  whenEnded(cleanUp: () => void): void {
    this.#cleanUp = cleanUp
  }

  /** The socket that is being connected for this request alone; none where there was one already. */
  connectsBy(socket: Socket): void {
    this.#connecting = socket
  }

  /** The process is stopping. */
  abandon(): void {
    if (this.#end()) this.#terms.reject(new SendAborted('the process is stopping'))
  }

  /** Never early: a timer counts from when the event loop last looked at the clock, so what is missing is waited for again. */
  #wait(): void {
    const left = this.#terms.startedAt + this.#terms.timeoutMs - performance.now()
    if (left > 0) this.#timer = setTimeout(() => this.#wait(), Math.ceil(left))
    else this.#settle({ outcome: 'timed_out', error: `no answer within ${this.#terms.timeoutMs} ms` })
  }

  /** Called when there is a connection, just before the request is written. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    this.#connecting = undefined
    if (this.#settled) controller.abort(gaveUp)
  }

  onResponseStart(_: Dispatcher.DispatchController, statusCode: number, headers: Record<string, string | string[] | undefined>): void {
    // 1xx: the answer is still to come, unless it never will and this is all there ever is
    if (statusCode < 200) return ++this.#interim < mostInterim ? undefined : this.#settle(onlyInterim)
    this.#head = { statusCode, headers: flat(headers), headersMs: this.#elapsed() }
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    // whatever else is coming is not worth waiting for
    if (this.#bytes > this.#terms.keptBytes || this.#chunks.length > this.#terms.keptBytes / leastChunk) this.#settle(undefined)
  }

  onResponseEnd(): void {
    this.#settle(undefined, false)
  }

  /** Cut off: a status that has arrived stands, and the body is what came of it. */
  onResponseError(_: Dispatcher.DispatchController | undefined, error: Error): void {
    this.#settle(failure(error, this.#terms.timeoutMs), true, false)
  }

  #settle(fault: Pick<SendResult, 'outcome' | 'error'> | undefined, truncated = true, giveUp = true): void {
    if (!this.#end(giveUp && truncated)) return
    const head = this.#head
    if (!head) return this.#terms.resolve({ ...(fault ?? noAnswer), timings: { endMs: this.#elapsed() } })
    const { statusCode, headers, headersMs } = head
    const body = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks)
    const retryAfter = headers['retry-after']
    this.#terms.resolve({
      outcome: statusCode >= 200 && statusCode < 300 ? 'succeeded' : 'rejected',
      statusCode,
      responseHeaders: headers,
      responseBody: body.toString('utf8', 0, Math.min(body.length, this.#terms.keptBytes)),
      responseTruncated: truncated,
      ...(retryAfter !== undefined && { retryAfter }),
      timings: { headersMs, endMs: this.#elapsed() },
    })
  }

  /** @returns whether this is the end, and not something that came after it */
  #end(giveUp = true): boolean {
    if (this.#settled) return false
    this.#settled = true
    clearTimeout(this.#timer)
    this.#cleanUp?.()
    if (giveUp) this.#controller?.abort(gaveUp)
    // or a handshake that never ends would keep its place among the connections for longer than the request
    this.#connecting?.destroy(gaveUp)
    return true
  }

  #elapsed = (): number => Math.round((performance.now() - this.#terms.startedAt) * 10) / 10
}

const gaveUp = new Error('nothing more of this answer is wanted')
/** Bytes that a chunk has on average; smaller ones are not waited for, as each takes its time however little is in it. */
const leastChunk = 16
const mostInterim = 1_000
const onlyInterim = { outcome: 'unreachable', error: `${mostInterim} interim answers (1xx) and no other` } as const
const noAnswer = { outcome: 'unreachable', error: 'connection closed before an answer' } as const

function flat(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const all: Record<string, string> = {}
  for (const name in headers) {
    const value = headers[name]
    all[name] = Array.isArray(value) ? value.join(', ') : (value ?? '')
  }
  return all
}

const timeoutCodes = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT'])

const oldTls = 'the receiver speaks no version of TLS from 1.2 on'

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
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the answer has another length than it says',
  HPE: 'the answer is not HTTP',
  HPE_INVALID_CONSTANT: 'the answer is not HTTP',
  CERT_HAS_EXPIRED: 'the TLS certificate has expired',
  CERT_NOT_YET_VALID: 'the TLS certificate is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the TLS certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'the TLS certificate chain has a self-signed certificate',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the TLS certificate cannot be verified: a part of its chain is missing, or its authority is unknown',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'the TLS certificate chain does not lead to an authority that is known',
  INVALID_PURPOSE: 'the TLS certificate is signed by one that may not sign',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the TLS certificate is for another host name',
  ERR_SSL_WRONG_VERSION_NUMBER: 'what listens there speaks no TLS',
  ERR_SSL_UNSUPPORTED_PROTOCOL: oldTls,
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: oldTls,
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: 'the receiver refused the TLS handshake',
  ERR_SSL_TLSV1_UNRECOGNIZED_NAME: 'the receiver has no TLS certificate for this host name',
  ERR_SSL_EXCESSIVE_MESSAGE_SIZE: 'the TLS certificate chain is too large',
}

/** undici's own words for an answer whose connection it has closed itself. */
const unaskedTexts: Record<string, string> = {
  'bad upgrade': 'the receiver wants to change the protocol, which nobody asked for',
  'bad response': 'what came is no answer to the request',
}

/** By the beginnings of codes that have no text of their own, of which OpenSSL and the HTTP parser have hundreds. */
const unreachableFamilies: [beginning: string, text: string][] = [
  ['ERR_SSL_', 'TLS failed'],
  ['HPE_', 'the answer is not HTTP as it should be'],
]

function textOf(code: string): string {
  const known = unreachableTexts[code]
  if (known !== undefined) return known
  const [, text = 'no usable answer'] = unreachableFamilies.find(([beginning]) => code.startsWith(beginning)) ?? []
  return `${text} (${/^[A-Z0-9_]{3,60}$/.test(code) ? code : 'protocol error'})`
}

function failure(error: unknown, timeoutMs: number): Pick<SendResult, 'outcome' | 'error'> {
  const { name, message = '', code = '' } = error as { name?: string; message?: string; code?: string }
  if (code === 'TIDINGS_BLOCKED') return { outcome: 'blocked', error: (error as Error).message }
  if (name === 'TimeoutError' || name === 'AbortError' || timeoutCodes.has(code))
    return { outcome: 'timed_out', error: `no answer within ${timeoutMs} ms` }
  return { outcome: 'unreachable', error: unaskedTexts[message] ?? textOf(name === 'HTTPParserError' ? code || 'HPE' : code) }
}
