import { BlockList, isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/**
 * Which addresses a webhook may point to: everything is refused but public unicast, and what the operator allows.
 * The one answer to every refusal says nothing of what a name resolved to, so that nobody can map a network by it.
 */
export type AddressPolicy = {
  checkUrl(url: string): { ok: true; url: URL } | { ok: false; reason: string }
  /** With a port: whether it may be connected to there. */
  allowsAddress(ip: string, port?: number): boolean
}

export const refusal = 'this address is not allowed as a destination'

// the IANA special-purpose registries; after them, addresses that clouds keep for themselves
const denied4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '168.63.129.16/32',
].map((cidr) => ipaddr.IPv4.parseCIDR(cidr))

// only global unicast is in use; all that embeds an IPv4 address (mapped, compatible, NAT64) or is local lies outside it
const global6 = ipaddr.IPv6.parseCIDR('2000::/3')
const denied6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20', '2620:4f:8000::/48'].map((cidr) => ipaddr.IPv6.parseCIDR(cidr))

function isPublic(ip: string): boolean {
  const address = ipaddr.parse(ip)
  if (address instanceof ipaddr.IPv4) return !denied4.some((range) => address.match(range))
  return address.match(global6) && !denied6.some((range) => address.match(range))
}

/** Where receivers of webhooks listen. Elsewhere are mail, databases and consoles, which must not be talked to by a POST. */
export const usualPorts = [80, 443, 8080, 8443]

/**
 * `allow`: CIDRs of the operator. They let private literals through, and names that resolve into them, at any port.
 * `ports`: those that may be connected to anywhere else.
 */
export function createAddressPolicy({ allow, ports = usualPorts }: { allow: string[]; ports?: number[] }): AddressPolicy {
  const allowed = new BlockList()
  for (const cidr of allow) addCidr(allowed, cidr)
  const isUsual = (port: number | undefined) => port === undefined || ports.includes(port)

  function allowsAddress(ip: string, port?: number): boolean {
    const family = isIP(ip)
    // a zone (`fe80::1%eth0`) picks an interface of this machine, which no webhook may
    if (family === 0 || ip.includes('%')) return false
    return allowed.check(ip, family === 4 ? 'ipv4' : 'ipv6') || (isUsual(port) && isPublic(ip))
  }

  function allowsHost(host: string, port: number): boolean {
    if (isIP(host)) return allowsAddress(host, port)
    if (!isName(host)) return false
    if (isLocalhost(host)) return allowsAddress('127.0.0.1') || allowsAddress('::1')
    // such a name may resolve into an allowed network: the address it turns out to have decides then
    return allow.length > 0 || (isUsual(port) && !isInternal(host))
  }

  function checkUrl(text: string): ReturnType<AddressPolicy['checkUrl']> {
    const url = URL.canParse(text) ? new URL(text) : undefined
    // `href` still shows the `#` of an empty fragment, `hash` does not
    if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.href.includes('#'))
      return { ok: false, reason: refusal }
    return allowsHost(hostOf(url.hostname), portOf(url)) ? { ok: true, url } : { ok: false, reason: refusal }
  }

  return { checkUrl, allowsAddress }
}

export const portOf = ({ port, protocol }: { port?: string; protocol: string }): number =>
  Number(port) || (protocol === 'https:' ? 443 : 80)

/** A host as it is to be judged: no brackets, lower case, and without trailing dots, however many (CVE-2022-24825). */
export const hostOf = (hostname: string): string =>
  hostname
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.+$/, '')
    .toLowerCase()

// a last label that is a number would be an IPv4 address to some resolvers (WHATWG URL §3.5 "ends in a number")
const isName = (host: string): boolean => host.length > 0 && host.length <= 253 && !/(^|\.)(\d+|0x[0-9a-f]*)$/.test(host)

const isLocalhost = (host: string): boolean => /(^|\.)localhost$/.test(host)

const isInternal = (host: string): boolean => !host.includes('.') || /\.(local|internal|home\.arpa)$/.test(host)

function addCidr(list: BlockList, cidr: string): void {
  const [network = '', prefix, ...rest] = cidr.trim().split('/')
  const family = isIP(network)
  const longest = family === 4 ? 32 : 128
  const bits = prefix === undefined ? longest : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN
  if (family === 0 || network.includes('%') || rest.length > 0 || !(bits <= longest))
    throw new Error(`"${cidr}" is not a CIDR such as 10.0.0.0/8 or fd00::/8`)
  list.addSubnet(network, bits, family === 4 ? 'ipv4' : 'ipv6')
}
