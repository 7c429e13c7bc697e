import type { IncomingMessage } from 'node:http'
import { RequestError } from '@hono/node-server'
import { LRUCache } from 'lru-cache'
import { Problem } from '../problem.ts'
import { problemResponse } from './app.ts'

type Line = Pick<IncomingMessage, 'url' | 'rawHeaders'>

/**
 * What Node's parser lets pass and two programs in a row may understand in two ways: the proxy in front of us lets in
 * what we then take for something else. Such a request is refused before any route looks at it.
 */
export function refuseAtTheDoor(incoming: Line | undefined): Response | undefined {
  const fault = incoming && faultOf(incoming)
  return fault === undefined ? undefined : refusal(fault)
}

/** What the server itself could make no request of, or what was thrown where no app could catch it. */
export const refuseUnreadable = (error: unknown): Response =>
  error instanceof RequestError
    ? refusal(error.message)
    : problemResponse(new Problem('fault', 'the request could not be handled'), undefined)

function refusal(fault: string): Response {
  const response = problemResponse(new Problem('malformed', fault), undefined)
  // whatever else comes on this connection may be part of the same attempt
  response.headers.set('connection', 'close')
  return response
}

function faultOf({ url = '', rawHeaders }: Line): string | undefined {
  if (!url.startsWith('/')) return 'the request target must be a path that begins with /'
  const path = url.split('?', 1)[0] as string
  if (path.includes('//')) return 'the path has an empty segment (//)'
  // hidden in an escape, they are a separator to one program and a letter to another
  if (/%(?:2f|5c|00)|\\/i.test(path)) return 'the path has a slash, backslash or NUL in disguise'
  const hosts = valuesOf('host', rawHeaders)
  if (hosts.length > 1) return 'there is more than one Host header'
  // `327.0.0.1` looks like a host and is none: the URL of the request could not be made
  if (hosts[0] && !namesHost(hosts[0])) return 'the Host header names no host'
  const codings = valuesOf('transfer-encoding', rawHeaders)
  // RFC 9112 §6.3: where a body ends must not be a matter of opinion
  if (codings.length > 1 || !/^(chunked)?$/i.test(codings[0] ?? '')) return 'the only Transfer-Encoding is chunked'
  return undefined
}

/** Nearly all requests name the same few. */
const knownHosts = new LRUCache<string, boolean>({ max: 1_000 })

function namesHost(host: string): boolean {
  let isHost = knownHosts.get(host)
  if (isHost === undefined) {
    isHost = !/[\s/@?#\\]/.test(host) && URL.canParse(`http://${host}/`)
    knownHosts.set(host, isHost)
  }
  return isHost
}

const valuesOf = (name: string, rawHeaders: string[]): string[] =>
  rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === name)
