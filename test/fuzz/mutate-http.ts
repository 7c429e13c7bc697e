import type { Random } from '../../infra/demo/random.ts'
import { maybe } from './chance.ts'
import { framing } from './framing.ts'
import { atPath, withHeaders, without, written, type Trick } from './request.ts'

const paths: Trick[] = [
  { name: 'an empty segment', refuse: true, write: (parts) => atPath(parts, (path) => path.replace(/\/(?=[^/]*$)/, '//')) },
  { name: 'two slashes first', refuse: true, write: (parts) => atPath(parts, (path) => `/${path}`) },
  {
    name: 'a slash in disguise',
    refuse: true,
    write: (parts, random) => atPath(parts, (path) => `${path}${random.pick(['%2f', '%2F', '%5c', '%5C', '%00', '\\'])}x`),
  },
  {
    name: 'a target of dots',
    write: (parts, random) => atPath(parts, (path) => random.pick(['/..', '/.', '/%2e%2e', '/x/..', '/../../..']) + path),
  },
  { name: 'a path cut in half', write: (parts) => atPath(parts, (path) => path.slice(0, Math.ceil(path.length / 2)) || '/') },
  {
    name: 'escapes that are none',
    write: (parts, random) => atPath(parts, (path) => `${path}${random.pick(['%', '%zz', '%c0%af', '%ff', '%ed%a0%80', '%u0041'])}`),
  },
  { name: 'a path in capitals', write: (parts) => atPath(parts, (path) => path.toUpperCase()) },
  {
    name: 'a path with escapes',
    write: (parts) => atPath(parts, (path) => path.replace(/[a-z]/g, (letter) => `%${letter.charCodeAt(0).toString(16)}`)),
  },
  { name: 'a long path', write: (parts, random) => atPath(parts, (path) => `${path}/${'a'.repeat(random.pick([200, 2_000, 8_000]))}`) },
  { name: 'matrix parameters', write: (parts) => atPath(parts, (path) => path.replace(/\//g, ';a=b/')) },
  { name: 'letters beyond ASCII', write: (parts) => atPath(parts, (path) => `${path}\u00e9\u00ff`) },
  { name: 'a fragment', write: (parts) => atPath(parts, (path) => `${path}#/../events`) },
  {
    name: 'prototype names',
    write: (parts, random) =>
      atPath(parts, (path) =>
        path.replace(/[^/]+$/, random.pick(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'null', '%20', '.'])),
      ),
  },
  {
    name: 'another method',
    write: (parts, random) =>
      written({
        ...parts,
        method: random.pick([
          'GET',
          'POST',
          'PUT',
          'PATCH',
          'DELETE',
          'OPTIONS',
          'HEAD',
          'TRACE',
          'PROPFIND',
          'PURGE',
          'SEARCH',
          'M-SEARCH',
        ]),
      }),
  },
]

const odd = [
  '',
  ' ',
  '*',
  '*/*',
  'a'.repeat(8_000),
  '\u00e9\u00ff',
  '"',
  ';',
  ',',
  '../..',
  "' OR 1=1 --",
  '${7*7}',
  '=1+1',
  '9'.repeat(30),
  '-1',
  'null',
  '%00',
  'tdk_',
  'Bearer',
  'Basic Og==',
  'Bearer  x',
]
const fields = [
  'Content-Type',
  'Authorization',
  'Idempotency-Key',
  'Content-Encoding',
  'Accept',
  'Accept-Encoding',
  'Cookie',
  'If-None-Match',
  'If-Modified-Since',
  'Range',
  'Origin',
  'Referer',
  'Traceparent',
  'X-Request-Id',
  'X-Forwarded-For',
  'X-Forwarded-Host',
  'X-Http-Method-Override',
  'X-Original-Url',
  'WebHook-Request-Origin',
  'WebHook-Request-Rate',
  'WebHook-Request-Callback',
  'Webhook-Id',
  'Webhook-Timestamp',
  'Webhook-Signature',
  'Ce-Specversion',
  'Ce-Id',
  'Ce-Type',
  'Ce-Time',
  'Ce-Source',
  'X-Hub-Signature-256',
  'X-Foundry-Timestamp',
  'X-Slack-Request-Timestamp',
  'User-Agent',
  'Sec-Fetch-Site',
  '__proto__',
  'constructor',
]
const types = [
  'application/json',
  'application/json; charset=utf-16',
  'application/json;charset="utf-8',
  'application/cloudevents+json',
  'application/cloudevents-batch+json',
  'application/json-patch+json',
  'application/merge-patch+json',
  'text/plain',
  'multipart/form-data; boundary=x',
  'application/x-www-form-urlencoded',
  'APPLICATION/JSON',
  'application/json,text/plain',
  ';',
  'application/octet-stream',
]

const headers: Trick[] = [
  { name: 'an odd header', write: (parts, random) => written(withHeaders(without(parts, 'x'), [random.pick(fields), random.pick(odd)])) },
  {
    name: 'a header replaced',
    write: (parts, random) => {
      const name = random.pick(fields)
      return written(withHeaders(without(parts, name.toLowerCase()), [name, random.pick(odd)]))
    },
  },
  {
    name: 'another content type',
    write: (parts, random) => written(withHeaders(without(parts, 'content-type'), ['Content-Type', random.pick(types)])),
  },
  {
    name: 'many headers',
    write: (parts, random) =>
      written(withHeaders(parts, ...Array.from({ length: random.pick([50, 200, 1_500]) }, (_, i): [string, string] => [`X-${i}`, 'a']))),
  },
  {
    name: 'a header twice',
    write: (parts, random) => {
      const [name, value] = random.pick(parts.headers.filter(([each]) => !/^(host|content-length)$/i.test(each)).concat([['X-A', 'b']]))
      return written(withHeaders(parts, [name, value], [name, random.pick(odd)]))
    },
  },
]

/** How often each kind is tried, in a hundred; the rest is written as it should be. */
export function pickTrick(random: Random): Trick | undefined {
  const kind = random.next()
  if (kind < 0.15) return random.pick(framing)
  if (kind < 0.3) return random.pick(paths)
  if (kind < 0.45) return random.pick(headers)
  return undefined
}

export const tricks: readonly Trick[] = [...framing, ...paths, ...headers]

/** Parameters of a query that ought to be refused, or to mean nothing. */
export function hostileQuery(names: string[], random: Random): string {
  if (maybe(random, 0.7)) return ''
  const name =
    names.length > 0 && maybe(random, 0.7)
      ? random.pick(names)
      : random.pick(['x', '__proto__', 'limit', 'after', 'access_token', '', 'a[b]', 'filter'])
  const value = random.pick([
    '',
    '-1',
    '0',
    '1',
    '1e9',
    '201',
    'NaN',
    'null',
    '%00',
    '%ff',
    "'",
    '*',
    '%F0%9F%92%A9',
    'eyJhIjpbXX0',
    'W10',
    'true',
    '9'.repeat(400),
    'a'.repeat(3_000),
    '../..',
    '[]',
    '{}',
  ])
  return `?${name}=${value}${maybe(random, 0.2) ? `&${name}=${value}&&=&%` : ''}`
}
