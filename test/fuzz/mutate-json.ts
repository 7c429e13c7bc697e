import type { Random } from '../../infra/demo/random.ts'
import { bytesOf, maybe, uuidOf } from './chance.ts'

/** JSON as an attacker writes it: texts and not values, since a value cannot have a member twice or be 1e400. */
const numbers = [
  '9007199254740993',
  '-9007199254740993',
  '1e400',
  '-1e400',
  '1E-400',
  '-0',
  '0.1e1',
  '1'.repeat(400),
  '1e999999999',
  '123456789012345678901234567890.5',
]
const texts = [
  '""',
  '"\\ud800"',
  '"\\udc00\\ud800"',
  '"\\u0000"',
  '"\\u202e\\u2066"',
  '"\u2028\u2029"',
  '"\ufeff"',
  '"Z̸̡̢̛̗̘̙̜̝̞̟̠👩‍👩‍👧‍👦"',
  '"<script>alert(1)</script>"',
  '"=cmd|\' /C calc\'!A0"',
  '"\\u001b[31m\\u0007"',
  '"\'; DROP TABLE events; --"',
  '"%00%2f%5c../../etc/passwd"',
  '"${jndi:ldap://x}{{7*7}}{% include \'x\' %}"',
  '"http://169.254.169.254/latest/meta-data/"',
  '"http://[::ffff:127.0.0.1]:6379/"',
  '"*"',
  '"a.b.*"',
  '"2026-13-45T99:99:99Z"',
  '"9999999999999999-01-01T00:00:00Z"',
]
const others = [
  'null',
  'true',
  'false',
  '[]',
  '{}',
  '[null]',
  '{"":""}',
  '[[[[[[]]]]]]',
  '{"__proto__":{"polluted":true}}',
  '{"constructor":{"prototype":{"polluted":1}}}',
  '{"toString":1,"valueOf":2,"hasOwnProperty":3}',
]
const broken = [
  'NaN',
  'Infinity',
  'undefined',
  "'x'",
  '01',
  '+1',
  '.5',
  '1.',
  '"\t"',
  '"\\x41"',
  '"\\u12"',
  '[1,]',
  '{"a":1,}',
  '{a:1}',
  '/*c*/1',
  '',
]
const names = [
  '__proto__',
  'constructor',
  'toString',
  '',
  '\\u0000',
  'a'.repeat(5_000),
  '\\u005f_proto__',
  'type',
  'id',
  'data',
  'é',
  '$ref',
  'length',
]

/** Text of a value in which each part is replaced with a small probability. */
export function mutateJson(text: string, random: Random): string {
  const rate = random.pick([0, 0, 0.01, 0.03, 0.2])
  const isBroken = maybe(random, 0.1)
  return write(JSON.parse(text), { random, rate, isBroken })
}

type Way = { random: Random; rate: number; isBroken: boolean }

function write(value: unknown, way: Way): string {
  const { random, rate } = way
  if (maybe(random, rate)) return hostileValue(way)
  if (Array.isArray(value)) return `[${value.map((item) => write(item, way)).join(`,${space(random)}`)}]`
  if (typeof value === 'object' && value !== null) return writeObject(value, way)
  return JSON.stringify(value)
}

function writeObject(value: object, way: Way): string {
  const { random, rate } = way
  const members = Object.entries(value).flatMap(([name, member]) => {
    if (maybe(random, rate)) return []
    const key = maybe(random, rate) ? `"${random.pick(names)}"` : spelled(name, way)
    // an id of its own, so that most events are new and not the same id with another body
    const text = isId(name) && typeof member === 'string' && maybe(random, 0.8) ? `"${uuidOf(random)}"` : write(member, way)
    const one = `${key}${space(random)}:${space(random)}${text}`
    return maybe(random, rate) ? [one, `${key}:${hostileValue(way)}`] : [one]
  })
  if (maybe(random, rate)) members.push(`"${random.pick(names)}":${hostileValue(way)}`)
  if (maybe(random, rate / 10)) members.push(...Array.from({ length: 2_000 }, (_, i) => `"k${i}":${i}`))
  return `{${members.join(`,${space(random)}`)}}`
}

const isId = (name: string) => /^(id|_id|event_?id|eventId|messageId)$/.test(name)

/** Now and then with an escape where none is needed: the same name to a parser, another to who compares bytes. */
const spelled = (name: string, { random, rate }: Way): string =>
  maybe(random, rate) && name.length > 0
    ? `"\\u${name.charCodeAt(0).toString(16).padStart(4, '0')}${JSON.stringify(name.slice(1)).slice(1)}`
    : JSON.stringify(name)

function hostileValue({ random, isBroken }: Way): string {
  if (isBroken && maybe(random, 0.3)) return random.pick(broken)
  const kind = random.next()
  if (kind < 0.25) return random.pick(numbers)
  if (kind < 0.6) return random.pick(texts)
  if (kind < 0.9) return random.pick(others)
  if (kind < 0.96) return nested(random.pick([3, 62, 63, 64, 65, 66, 500]), random)
  return `"${'x'.repeat(random.pick([255, 256, 257, 2_049, 5_000, 70_000]))}"`
}

const nested = (levels: number, random: Random): string =>
  maybe(random, 0.5) ? '['.repeat(levels) + ']'.repeat(levels) : '{"a":'.repeat(levels) + '1' + '}'.repeat(levels)

const space = (random: Random): string => (maybe(random, 0.05) ? random.pick([' ', '\n', '\t', '\r\n', '   ']) : '')

/** What is done to the bytes once the text stands. */
export function mutateBytes(body: Buffer, random: Random): Buffer {
  const at = body.length === 0 ? 0 : random.between(0, body.length - 1)
  const way = random.next()
  if (way < 0.2) return body.subarray(0, at)
  if (way < 0.4) return Buffer.concat([body.subarray(0, at), bytesOf(random, random.between(1, 4)), body.subarray(at)])
  if (way < 0.55) return Buffer.concat([body, Buffer.from(random.pick([' ', '\0', '}', ']', '{}', '\n\n', ',']))])
  if (way < 0.65) return Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), body])
  if (way < 0.75) return Buffer.from(body.toString('utf8'), 'utf16le')
  if (way < 0.9) {
    const flipped = Buffer.from(body)
    if (flipped.length > 0) flipped[at] = (flipped[at] as number) ^ (1 << random.between(0, 7))
    return flipped
  }
  return random.pick([
    Buffer.alloc(0),
    bytesOf(random, 64),
    Buffer.from('['.repeat(100_000)),
    Buffer.from('{"a":'.repeat(20_000)),
    Buffer.alloc(300_000, 0x20),
  ])
}
