import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import { isIP, type LookupFunction, type Socket } from 'node:net'
import { buildConnector } from 'undici'
import { hostOf, portOf, refusal, type AddressPolicy } from './address-policy.ts'

/** No connection was made, or none was used: the destination is not one that the policy allows. */
export class BlockedAddressError extends Error {
  readonly code = 'TIDINGS_BLOCKED'

  constructor() {
    super(refusal)
    this.name = 'BlockedAddressError'
  }
}

export type GuardOptions = {
  connectTimeoutMs: number
  /** Resolves names in place of the system's resolver. */
  lookup?: LookupFunction
  /** A name server may take its time, and must not take all of the attempt's: 5 seconds when left out. */
  lookupTimeoutMs?: number
  /** Certificates of the authorities that are trusted, in place of those that Node knows. */
  ca?: string
  /** Told of each socket as soon as it is made, in the same turn of the event loop in which a connection was asked for. */
  onSocket?: (socket: Socket) => void
}

/**
 * Connects for undici, as `new Agent({ connect })`, and only to addresses that the policy allows. Three looks, each of
 * which catches what the others cannot: literal hosts, for which no lookup takes place; every address that a name
 * resolves to, from the very answer that is then connected to, so that a name cannot change in between (DNS
 * rebinding); and the address at the other end of the socket, whatever way led there.
 */
export function createGuardedConnector(policy: AddressPolicy, options: GuardOptions): buildConnector.connector {
  const lookup = bounded(options.lookup ?? systemLookup, options.lookupTimeoutMs ?? 5_000)
  const { connectTimeoutMs: timeout, ca } = options
  // a lookup is not told the port that its answer is for, so each port has a connector of its own
  const connectors = new Map<number, Connector>()
  const connectorFor = (port: number) => {
    const known = connectors.get(port) ?? buildConnector({ timeout, lookup: guardedLookup(policy, port, lookup), ...(ca && { ca }) })
    connectors.set(port, known as Connector)
    return known as Connector
  }
  return (target, callback) => {
    const host = hostOf(target.hostname)
    const port = portOf(target)
    if (isIP(host) && !policy.allowsAddress(host, port)) {
      queueMicrotask(() => callback(new BlockedAddressError(), null))
      return
    }
    const made = connectorFor(port)(target, (...[error, socket]) => {
      if (error) return callback(error, null)
      // who has reset the connection meanwhile is at no address any more, and not to be blamed for a forbidden one
      if (socket.remoteAddress === undefined) return callback(goneBy(socket), null)
      if (policy.allowsAddress(socket.remoteAddress, port)) return callback(null, inPieces(socket))
      socket.destroy()
      callback(new BlockedAddressError(), null)
    })
    options.onSocket?.(made)
  }
}

function goneBy(socket: Socket): Error {
  socket.destroy()
  return Object.assign(new Error('reset as soon as it was connected'), { code: 'ECONNRESET' })
}

/** As undici's is, whose types keep what it returns to themselves. */
type Connector = (...given: Parameters<buildConnector.connector>) => Socket

const pieceBytes = 4_096

/**
 * undici's parser goes through all that was read at once to its end, even where it has given the answer up on the way:
 * each header line over the limit makes an error with a stack, and 64 KiB of them took 80 ms of everybody's time. In
 * pieces it is the rest of a piece.
 */
function inPieces<T extends Socket>(socket: T): T {
  const read = socket.read.bind(socket)
  socket.read = () => (socket.destroyed ? null : read(Math.min(socket.readableLength, pieceBytes) || undefined))
  return socket
}

/** Refuses the name when any of its addresses is denied: a mixed answer is how rebinding begins. */
function guardedLookup(policy: AddressPolicy, port: number, lookup: LookupFunction): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, options, (error, address, family) => {
      if (error) return callback(error, address, family)
      // with `all: true`, which Node asks for when it tries families in turn, the answer is an array
      const found = typeof address === 'string' ? [address] : (address as LookupAddress[]).map((entry) => entry.address)
      if (found.length > 0 && found.every((ip) => policy.allowsAddress(ip, port))) return callback(null, address, family)
      callback(new BlockedAddressError(), '', 0)
    })
  }
}

const bounded =
  (lookup: LookupFunction, withinMs: number): LookupFunction =>
  (hostname, options, callback) => {
    let isOpen = true
    const answer: typeof callback = (...given) => {
      if (!isOpen) return
      isOpen = false
      clearTimeout(timer)
      callback(...given)
    }
    const timer = setTimeout(
      () => answer(Object.assign(new Error('the name server did not answer'), { code: 'EAI_AGAIN' }), '', 0),
      withinMs,
    )
    lookup(hostname, options, answer)
  }
