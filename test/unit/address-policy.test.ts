import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createAddressPolicy, refusal } from '../../shared/http/address-policy.ts'
import { denied4, denied6, forbiddenNames, hostileUrls, spellings4 } from '../support/hostile-urls.ts'

const policy = createAddressPolicy({ allow: [] })
const allowsUrl = (url: string, use = policy) => use.checkUrl(url).ok

// first and last address of each denied range; the neighbours on either side are allowed unless listed as denied too
const ranges4 = [
  ['0.0.0.0', '0.255.255.255'],
  ['10.0.0.0', '10.255.255.255'],
  ['100.64.0.0', '100.127.255.255'],
  ['127.0.0.0', '127.255.255.255'],
  ['168.63.129.16', '168.63.129.16'],
  ['169.254.0.0', '169.254.255.255'],
  ['172.16.0.0', '172.31.255.255'],
  ['192.0.0.0', '192.0.0.255'],
  ['192.0.2.0', '192.0.2.255'],
  ['192.31.196.0', '192.31.196.255'],
  ['192.52.193.0', '192.52.193.255'],
  ['192.88.99.0', '192.88.99.255'],
  ['192.168.0.0', '192.168.255.255'],
  ['192.175.48.0', '192.175.48.255'],
  ['198.18.0.0', '198.19.255.255'],
  ['198.51.100.0', '198.51.100.255'],
  ['203.0.113.0', '203.0.113.255'],
  ['224.0.0.0', '255.255.255.255'],
].map(([first, last]) => [numberOf(first as string), numberOf(last as string)] as const)
function numberOf(ip: string): number {
  return ip.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0)
}
const textOf = (number: number) => [24, 16, 8, 0].map((shift) => (number / 2 ** shift) & 255).join('.')
const isDenied4 = (number: number) => ranges4.some(([first, last]) => number >= first && number <= last)

describe('addresses', () => {
  it('denies IPv4 ranges from their first to their last address, and no further', () => {
    for (const number of ranges4.flatMap(([first, last]) => [first - 1, first, Math.floor((first + last) / 2), last, last + 1])) {
      if (number >= 0 && number < 2 ** 32) expect(policy.allowsAddress(textOf(number)), textOf(number)).toBe(!isDenied4(number))
    }
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (number) => policy.allowsAddress(textOf(number)) === !isDenied4(number)),
      { numRuns: 5000 },
    )
  })

  it('denies IPv6 outside 2000::/3 and the reserved parts within', () => {
    for (const ip of denied6) expect(policy.allowsAddress(ip), ip).toBe(false)
    for (const ip of [
      '2001:200::1',
      '2001:db7::1',
      '2001:db9::1',
      '2003::1',
      '2606:4700::1111',
      '2a00:1450:4001::1',
      '2620:4f:7fff::1',
      '2620:4f:8001::1',
      '3ffe:ffff::1',
      '3fff:1000::1',
    ])
      expect(policy.allowsAddress(ip), ip).toBe(true)
    fc.assert(
      fc.property(
        fc.ipV6().filter((ip) => !/^[23]/.test(ip) || ip.indexOf(':') < 4),
        (ip) => !policy.allowsAddress(ip),
      ),
      { numRuns: 2000 },
    )
  })

  it('denies IPv4 addresses wrapped in IPv6, public ones too', () => {
    for (const ip of [...denied4, '8.8.8.8'])
      for (const wrapped of [`::ffff:${ip}`, `::${ip}`, `64:ff9b::${ip}`]) expect(policy.allowsAddress(wrapped), wrapped).toBe(false)
  })

  it('denies what is no address', () => {
    for (const text of [
      '',
      'localhost',
      '127.1',
      '0x7f000001',
      '08.8.8.8',
      '8.8.8.8 ',
      '[2606:4700::1111]',
      '2606:4700::1111%eth0',
      'fe80::1%lo',
      '8.8.8.8/8',
    ])
      expect(policy.allowsAddress(text), text).toBe(false)
  })
})

describe('URLs', () => {
  it('refuses every hostile spelling with one and the same text', () => {
    const urls = hostileUrls(8080)
    expect(new Set(urls).size).toBeGreaterThan(700)
    for (const url of urls) expect(policy.checkUrl(url), JSON.stringify(url)).toEqual({ ok: false, reason: refusal })
    expect(refusal).toBe('this address is not allowed as a destination')
  })

  it('refuses any denied address in any spelling', () => {
    const inRange = fc.constantFrom(...ranges4).chain(([first, last]) => fc.integer({ min: first, max: last }))
    fc.assert(
      fc.property(inRange, (number) => {
        for (const host of spellings4(textOf(number))) expect(allowsUrl(`http://${host}/`), host).toBe(false)
      }),
      { numRuns: 300 },
    )
  })

  it('allows public addresses and names, and gives the parsed URL', () => {
    for (const url of [
      'https://example.com/hook?a=b',
      'http://example.com:8080/',
      'https://8.8.8.8/',
      'https://[2606:4700::1111]/',
      'https://a.b.c.example.co.uk./',
      'https://localhost.example.com/',
      'https://xn--bcher-kva.example/',
      'https://internal.example.com/',
      'https://1e100.net/',
      'https://a_b.example.com/',
    ])
      expect(policy.checkUrl(url), url).toEqual({ ok: true, url: new URL(url) })
  })
})

describe('ports', () => {
  const refusedPorts = [1, 22, 25, 6379, 8400, 65_535]

  it('are those at which receivers of webhooks listen', () => {
    for (const port of [80, 443, 8080, 8443]) expect(allowsUrl(`https://example.com:${port}/`), `${port}`).toBe(true)
    for (const port of refusedPorts) {
      expect(policy.checkUrl(`https://example.com:${port}/`), `${port}`).toEqual({ ok: false, reason: refusal })
      expect(policy.checkUrl(`http://8.8.8.8:${port}/`), `${port}`).toEqual({ ok: false, reason: refusal })
      expect(policy.allowsAddress('8.8.8.8', port), `${port}`).toBe(false)
    }
    expect(policy.allowsAddress('8.8.8.8', 443)).toBe(true)
  })

  it('are others where the operator says so', () => {
    const other = createAddressPolicy({ allow: [], ports: [9443] })
    expect(allowsUrl('https://example.com:9443/', other)).toBe(true)
    expect(allowsUrl('https://example.com/', other)).toBe(false)
  })

  it('are all open at an address that the operator allows, and there alone', () => {
    const internal = createAddressPolicy({ allow: ['10.0.0.0/8'] })
    for (const port of refusedPorts) {
      expect(allowsUrl(`http://10.1.2.3:${port}/`, internal)).toBe(true)
      expect(allowsUrl(`http://8.8.8.8:${port}/`, internal)).toBe(false)
      // what a name resolves to is known at the connection only
      expect(allowsUrl(`http://hooks.example.com:${port}/`, internal)).toBe(true)
      expect([internal.allowsAddress('10.1.2.3', port), internal.allowsAddress('8.8.8.8', port)]).toEqual([true, false])
    }
  })
})

describe('what the operator allows', () => {
  const loopback = createAddressPolicy({ allow: ['127.0.0.0/8', '::1'] })

  it('lets literals and local names through, and nothing beside', () => {
    for (const host of ['127.0.0.1', '2130706433', '[::1]', '[::ffff:127.0.0.1]', 'localhost', 'localhost.', 'api.localhost'])
      expect(allowsUrl(`http://${host}:8080/`, loopback), host).toBe(true)
    for (const host of ['10.0.0.1', '169.254.169.254', '[::2]', '[fe80::1]', '0.0.0.0', '[::127.0.0.1]', '[64:ff9b::127.0.0.1]'])
      expect(allowsUrl(`http://${host}/`, loopback), host).toBe(false)
    expect(loopback.checkUrl('http://user@127.0.0.1/')).toEqual({ ok: false, reason: refusal })
    expect(loopback.checkUrl('ftp://127.0.0.1/')).toEqual({ ok: false, reason: refusal })
  })

  it('leaves internal names to the check of their address, except localhost, whose address is known', () => {
    const internal = createAddressPolicy({ allow: ['10.0.0.0/8'] })
    for (const host of ['redis', 'metadata.google.internal', 'nas.home.arpa', 'x.local'])
      expect(allowsUrl(`http://${host}/`, internal)).toBe(true)
    for (const name of forbiddenNames.filter((each) => /l.?o.?c.?a.?l.?h.?o.?s.?t/i.test(each)))
      expect(allowsUrl(`http://${name}/`, internal), name).toBe(false)
    for (const ip of ['10.0.0.0', '10.255.255.255', '::ffff:10.0.0.1']) expect(internal.allowsAddress(ip)).toBe(true)
    for (const ip of ['9.255.255.255', '11.0.0.0']) expect(internal.allowsAddress(ip)).toBe(true)
    for (const ip of ['127.0.0.1', '192.168.0.1', '::ffff:11.0.0.1', 'fd00::1']) expect(internal.allowsAddress(ip)).toBe(false)
  })

  it('refuses to start with a CIDR that is none', () => {
    for (const cidr of [
      '',
      'localhost',
      '10.0.0.0/33',
      '10.0.0.0/-1',
      '10.0.0.0/',
      '10.0.0.0/8/8',
      '10.0.0/8',
      '::1/129',
      'fe80::1%lo/64',
      '10.0.0.0/1e1',
    ])
      expect(() => createAddressPolicy({ allow: [cidr] }), cidr).toThrow('is not a CIDR')
    for (const cidr of ['10.0.0.0/8', ' 10.0.0.1 ', '::/0', 'fd00::/8', '0.0.0.0/0'])
      expect(() => createAddressPolicy({ allow: [cidr] })).not.toThrow()
  })
})
