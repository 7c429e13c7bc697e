/**
 * URLs by which people have reached what they must not: an IPv4 address in every spelling that some resolver or URL
 * parser has taken for it, and the corpus of published bypasses (smokescreen CVE-2022-24825 and CVE-2022-29188, npm
 * `ip` CVE-2023-42282 and CVE-2024-29415, CVE-2026-42449, CVE-2026-33480 and others).
 */
type Octets = [number, number, number, number]

const octetsOf = (ip: string): Octets => ip.split('.').map(Number) as Octets
const radix = (base: number, prefix: string) => (part: number) => `${prefix}${part.toString(base)}`
const circled = (text: string) => text.replace(/\d/g, (digit) => (digit === '0' ? '⓪' : String.fromCodePoint(0x245f + Number(digit))))
const fullWidth = (text: string) => text.replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit)))
const superscript = (text: string) => text.replace(/\d/g, (digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)] as string)

/** Host spellings of one IPv4 address. All of them are that address to somebody. */
export function spellings4(ip: string): string[] {
  const octets = octetsOf(ip)
  const [a, b, c, d] = octets
  const number = ((a * 256 + b) * 256 + c) * 256 + d
  const [high, low] = [((a << 8) | b).toString(16), ((c << 8) | d).toString(16)]
  return [
    ip,
    `${ip}.`,
    `${ip}..`,
    fullWidth(ip),
    circled(ip),
    superscript(ip),
    ip.replaceAll('.', '。'),
    ip.replaceAll('.', '｡'),
    ip.replace('.', '%2e'),
    `%${ip.charCodeAt(0).toString(16)}${ip.slice(1)}`,
    `${ip[0]}\t${ip.slice(1)}`,
    `${ip[0]}\n${ip.slice(1)}`,
    `${ip[0]}\u00ad${ip.slice(1)}`,
    String(number),
    `${number}.`,
    radix(16, '0x')(number),
    radix(16, '0X')(number),
    radix(8, '0')(number),
    `0x${number.toString(16).padStart(12, '0')}`,
    octets.map(radix(16, '0x')).join('.'),
    octets.map(radix(8, '0')).join('.'),
    octets.map(radix(8, '0000')).join('.'),
    [`0x${a.toString(16)}`, `0${b.toString(8)}`, c, d].join('.'),
    `${a}.${(b * 256 + c) * 256 + d}`,
    `${a}.${b}.${c * 256 + d}`,
    `[::ffff:${ip}]`,
    `[::ffff:${high}:${low}]`,
    `[0:0:0:0:0:ffff:${high}:${low}]`,
    `[::${ip}]`,
    `[::ffff:0:${ip}]`,
    `[64:ff9b::${ip}]`,
    `[64:ff9b:1::${ip}]`,
    `[2002:${high}:${low}::]`,
  ]
}

/** One address of each IPv4 range that is denied. */
export const denied4 = [
  '0.0.0.0',
  '10.1.2.3',
  '100.64.0.1',
  '127.0.0.1',
  '127.255.255.254',
  '169.254.169.254',
  '172.16.0.1',
  '192.0.0.170',
  '192.0.2.1',
  '192.31.196.1',
  '192.52.193.1',
  '192.88.99.1',
  '192.168.1.1',
  '192.175.48.1',
  '198.18.0.1',
  '198.51.100.1',
  '203.0.113.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '168.63.129.16',
]

export const denied6 = [
  '::',
  '::1',
  '::2',
  '100::1',
  '2001::1',
  '2001:10::1',
  '2001:20::1',
  '2001:2::1',
  '2001:1ff:ffff::1',
  '2001:db8::1',
  '2002:7f00:1::',
  '3fff::1',
  '2620:4f:8000::1',
  '4000::1',
  '5f00::1',
  'fc00::1',
  'fd00:ec2::254',
  'fe80::1',
  'febf::1',
  'fec0::1',
  'ff02::1',
  '::ffff:8.8.8.8',
  '64:ff9b::8.8.8.8',
  '64:ff9b:1::1',
]

export const forbiddenNames = [
  'localhost',
  'LOCALHOST',
  'localhost.',
  'localhost..',
  'LocalHost...',
  'a.localhost',
  'a.b.LOCALHOST.',
  'loca%6chost',
  'ⓛocalhost',
  'ｌｏｃａｌｈｏｓｔ',
  'local\u00adhost',
  'router.local',
  'x.local.',
  'metadata.google.internal',
  'metadata.google.INTERNAL.',
  'nas.home.arpa',
  'redis',
  'kubernetes.default.svc.cluster.local',
  'metadata',
  'metadata..',
  'instance-data.ec2.internal',
  'a',
  '.',
  '..',
  '0x7f000001.',
  '127.0.0.1....',
]

/** With port, path and login around a host; what a parser may mistake for the host is a public name. */
export function hostileUrls(port: number): string[] {
  const plain = (host: string) => `http://${host}:${port}/`
  const dressed = (host: string) => [
    `https://${host}:${port}/`,
    `HTTP://${host}:${port}/a/../b?url=https://example.com`,
    `http:/\\${host}:${port}/`,
    `http:${host}:${port}/`,
    ` http://${host}:${port}/ `,
    `ht\ntp://${host}:${port}/`,
    `http://example.com@${host}:${port}/`,
    `http://example.com:80@${host}:${port}/`,
    `http://example.com%2f@${host}:${port}/`,
    `http://${host}:${port}\\@example.com/`,
    `http://${host}:${port}#@example.com/`,
    `http://${host}:${port}/#`,
    `http://@${host}:${port}/`,
  ]
  const others = [
    `ftp://127.0.0.1:${port}/`,
    `file:///etc/passwd`,
    `gopher://127.0.0.1:${port}/_x`,
    'javascript:alert(1)',
    'data:text/plain,x',
    `ws://127.0.0.1:${port}/`,
    `//127.0.0.1:${port}/`,
    '127.0.0.1',
    '',
    'http://',
    'http:///',
    `http://user:secret@example.com/`,
    'http://example.com/#x',
    'http://example.com/#',
    `http://[::1%25lo]:${port}/`,
    `http://[::1%lo]:${port}/`,
    `http://[[::1]]:${port}/`,
    `http://[127.0.0.1]:${port}/`,
    `http://256.256.256.256:${port}/`,
    `http://127.0.0.1.0x1:${port}/`,
    `http://127.1.1.1.1:${port}/`,
    `http://1.2.3.08:${port}/`,
    `unix:/var/run/redis.sock`,
  ]
  return [
    ...denied4.flatMap((ip) => spellings4(ip).map(plain)),
    ...denied6.map((ip) => plain(`[${ip}]`)),
    ...forbiddenNames.map(plain),
    ...['127.0.0.1', '[::1]', 'localhost', '2130706433'].flatMap(dressed),
    ...others,
  ]
}
