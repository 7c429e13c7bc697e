import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { buildConnector } from 'undici'
import { hostOf, refusal, type AddressPolicy } from './address-policy.ts'

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
}

/**
 * Connects for undici, as `new Agent({ connect })`, and only to addresses that the policy allows. Three looks, each of
 * which catches what the others cannot: literal hosts, for which no lookup takes place; every address that a name
 * resolves to, from the very answer that is then connected to, so that a name cannot change in between (DNS
 * rebinding); and the address at the other end of the socket, whatever way led there.
 */
export function createGuardedConnector(policy: AddressPolicy, options: GuardOptions): buildConnector.connector {
  const connect = buildConnector({ timeout: options.connectTimeoutMs, lookup: guardedLookup(policy, options.lookup ?? systemLookup) })
  return (target, callback) => {
    const host = hostOf(target.hostname)
    if (isIP(host) && !policy.allowsAddress(host)) {
      queueMicrotask(() => callback(new BlockedAddressError(), null))
      return
    }
    connect(target, (...[error, socket]) => {
      if (error) return callback(error, null)
      if (policy.allowsAddress(socket.remoteAddress ?? '')) return callback(null, socket)
      socket.destroy()
      callback(new BlockedAddressError(), null)
    })
  }
}

/** Refuses the name when any of its addresses is denied: a mixed answer is how rebinding begins. */
function guardedLookup(policy: AddressPolicy, lookup: LookupFunction): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, options, (error, address, family) => {
      if (error) return callback(error, address, family)
      // with `all: true`, which Node asks for when it tries families in turn, the answer is an array
      const found = typeof address === 'string' ? [address] : (address as LookupAddress[]).map((entry) => entry.address)
      if (found.length > 0 && found.every((ip) => policy.allowsAddress(ip))) return callback(null, address, family)
      callback(new BlockedAddressError(), '', 0)
    })
  }
}
