import type { Socket } from 'node:net'
import { LRUCache } from 'lru-cache'
import { Agent, type Dispatcher } from 'undici'
import type { SendResult } from '../contracts/delivery.ts'
import type { AddressPolicy } from './address-policy.ts'
import { createGuardedConnector, type GuardOptions } from './address-guard.ts'
import { Exchange } from './exchange.ts'

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
} & Pick<GuardOptions, 'lookup' | 'lookupTimeoutMs' | 'ca'>
export type Sender = { send(outgoing: Outgoing): Promise<SendResult>; close(): Promise<void> }

/** Kept of each answer; enough for an error page's text, too little to fill the log. */
export const responseBytes = 16_384
const responseHeaderBytes = 16_384

export { SendAborted } from './exchange.ts'

/**
 * One HTTP request, one result, whatever the receiver does. A 2xx is success as soon as its headers are here. One
 * deadline holds for connecting, headers and body together. Redirects are answers like any other and never followed;
 * nothing is decompressed; nothing is repeated inside.
 */
export function createSender(
  policy: AddressPolicy,
  { connectionsPerOrigin = 256, keptBytes = responseBytes, ...guard }: SenderOptions = {},
): Sender {
  const begun: { by?: Socket | undefined } = {}
  const agent = new Agent({
    connect: createGuardedConnector(policy, { connectTimeoutMs: 10_000, ...guard, onSocket: (socket) => void (begun.by = socket) }),
    connections: connectionsPerOrigin,
    pipelining: 1,
    keepAliveTimeout: 10_000,
    // A kept connection is trusted no longer than this: afterwards the address is resolved and judged again.
    keepAliveMaxTimeout: 60_000,
    maxHeaderSize: responseHeaderBytes,
  })
  // What a URL is taken for follows from its text alone; the address that it leads to is judged at every connection.
  const judged = new LRUCache<string, ReturnType<AddressPolicy['checkUrl']>>({ max: 10_000 })
  const check = (url: string) => {
    const known = judged.get(url) ?? policy.checkUrl(url)
    judged.set(url, known)
    return known
  }
  const dispatch: Way['dispatch'] = (request, exchange) => {
    begun.by = undefined
    agent.dispatch(request, exchange)
    if (begun.by) exchange.connectsBy(begun.by)
  }
  const way: Way = { dispatch, check, keptBytes, followers: createFollowers() }
  return { send: (outgoing) => send(way, outgoing), close: () => agent.destroy() }
}

type Way = {
  dispatch(request: Dispatcher.DispatchOptions, exchange: Exchange): void
  check: AddressPolicy['checkUrl']
  keptBytes: number
  followers: Followers
}

function send({ dispatch, check, keptBytes, followers }: Way, outgoing: Outgoing): Promise<SendResult> {
  const { method = 'POST', url, headers, body = null, timeoutMs, signal } = outgoing
  const startedAt = performance.now()
  const allowed = check(url)
  if (!allowed.ok) return Promise.resolve({ outcome: 'blocked', error: allowed.reason, timings: { endMs: since(startedAt) } })
  return new Promise((resolve, reject) => {
    const exchange = new Exchange({ startedAt, timeoutMs, keptBytes, resolve, reject })
    if (signal) exchange.whenEnded(followers.follow(signal, () => exchange.abandon()))
    const { origin, pathname, search } = allowed.url
    // The deadline alone decides: undici's own limits begin anew with each part of the answer.
    const options = { origin, path: pathname + search, method, headers, body, headersTimeout: 0, bodyTimeout: 0 } as const
    try {
      dispatch(options, exchange)
    } catch (error) {
      exchange.onResponseError(undefined, error as Error)
    }
  })
}

const since = (startedAt: number): number => Math.round((performance.now() - startedAt) * 10) / 10

type Followers = { follow(signal: AbortSignal, abandon: () => void): () => void }

/** Requests that end with a signal: one listener for all of them, as the signal outlives them by far (`AbortSignal.any` keeps a trace of each). */
function createFollowers(): Followers {
  const bySignal = new WeakMap<AbortSignal, Set<() => void>>()
  return {
    follow(signal, abandon) {
      if (signal.aborted) queueMicrotask(abandon)
      let following = bySignal.get(signal)
      if (!following) {
        const all = new Set<() => void>()
        signal.addEventListener('abort', () => all.forEach((one) => one()), { once: true })
        bySignal.set(signal, (following = all))
      }
      following.add(abandon)
      return () => following.delete(abandon)
    },
  }
}
