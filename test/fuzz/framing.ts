import { bytesOf } from './chance.ts'
import { replaced, withHeaders, without, written, type Parts, type Trick } from './request.ts'

const smuggled = 'GET /healthz HTTP/1.1\r\nHost: smuggled\r\n\r\n'
const chunk = (body: Buffer, size = body.length.toString(16)) => Buffer.concat([Buffer.from(`${size}\r\n`), body, Buffer.from('\r\n')])
const end = Buffer.from('0\r\n\r\n')
const chunked = (parts: Parts, coding = 'chunked') => withHeaders(without(parts, 'content-length'), ['Transfer-Encoding', coding])
const head = (parts: Parts) => written({ ...parts, body: Buffer.alloc(0) })

/** Where a request begins and ends, told in ways that two programs may take for different ones. */
export const framing: Trick[] = [
  {
    name: 'TE and CL',
    refuse: true,
    write: (parts) =>
      Buffer.concat([
        head(withHeaders(without(parts, 'content-length'), ['Content-Length', '5'], ['Transfer-Encoding', 'chunked'])),
        end,
        Buffer.from(smuggled),
      ]),
  },
  {
    name: 'two CL that differ',
    refuse: true,
    write: (parts) =>
      written({
        ...withHeaders(without(parts, 'content-length'), ['Content-Length', String(parts.body.length)], ['Content-Length', '43']),
        body: Buffer.concat([parts.body, Buffer.from(smuggled)]),
      }),
  },
  {
    name: 'a list of CL',
    refuse: true,
    write: (parts) => written(withHeaders(without(parts, 'content-length'), ['Content-Length', `${parts.body.length}, 0`])),
  },
  {
    name: 'CL with a sign',
    refuse: true,
    write: (parts) => written(withHeaders(without(parts, 'content-length'), ['Content-Length', `+${parts.body.length}`])),
  },
  { name: 'negative CL', refuse: true, write: (parts) => written(withHeaders(without(parts, 'content-length'), ['Content-Length', '-1'])) },
  {
    name: 'CL beyond 2^64',
    refuse: true,
    write: (parts) => written(withHeaders(without(parts, 'content-length'), ['Content-Length', '18446744073709551617'])),
  },
  {
    name: 'TE of another kind',
    refuse: true,
    write: (parts, random) =>
      Buffer.concat([
        head(chunked(parts, random.pick(['xchunked', 'chunked, identity', 'gzip', 'chunked;q=1', '"chunked"']))),
        chunk(parts.body),
        end,
        Buffer.from(smuggled),
      ]),
  },
  {
    name: 'TE twice',
    refuse: true,
    write: (parts) =>
      Buffer.concat([head(withHeaders(chunked(parts), ['Transfer-Encoding', 'identity'])), chunk(parts.body), end, Buffer.from(smuggled)]),
  },
  { name: 'a fold', refuse: true, write: (parts) => written(withHeaders(parts, ['X-Fold', 'a\r\n b: c\r\n\tTransfer-Encoding: chunked'])) },
  { name: 'bare LF', refuse: true, write: (parts) => replaced(parts, /\r\n/g, '\n') },
  { name: 'bare CR', refuse: true, write: (parts) => written(withHeaders(parts, ['X-Cr', 'a\rTransfer-Encoding: chunked'])) },
  { name: 'space before the colon', refuse: true, write: (parts) => replaced(parts, /\r\nHost:/, '\r\nHost :') },
  { name: 'NUL in a value', refuse: true, write: (parts) => written(withHeaders(parts, ['X-Nul', 'a\0b'])) },
  { name: 'no Host', refuse: true, write: (parts) => written(without(parts, 'host')) },
  { name: 'two Hosts', refuse: true, write: (parts) => written(withHeaders(parts, ['Host', 'elsewhere.example'])) },
  {
    name: 'a Host that is none',
    refuse: true,
    write: (parts, random) =>
      written(withHeaders(without(parts, 'host'), ['Host', random.pick(['a b', 'a/b', 'a@b', 'a#b', '[::1', 'a:99999', 'a\tb'])])),
  },
  { name: 'absolute target', refuse: true, write: (parts) => written({ ...parts, target: `http://elsewhere.example${parts.target}` }) },
  { name: 'authority target', refuse: true, write: (parts) => written({ ...parts, target: 'elsewhere.example:443' }) },
  { name: 'CONNECT', refuse: true, write: (parts) => written({ ...parts, method: 'CONNECT', target: 'elsewhere.example:443' }) },
  {
    name: 'HTTP/2 preface',
    incomplete: true,
    refuse: true,
    write: () => Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04', 'latin1'),
  },
  { name: 'HTTP/0.9', refuse: true, write: (parts) => Buffer.from(`GET ${parts.target}\r\n\r\n`) },
  {
    name: 'a version that is none',
    refuse: true,
    write: (parts, random) => replaced(parts, /HTTP\/1\.1/, random.pick(['HTTP/3.0', 'HTTP/1.10', 'HTTP/9', 'ICY/1.1', 'http/1.1'])),
  },
  {
    name: 'a method that is none',
    refuse: true,
    write: (parts, random) => replaced(parts, /^\S+/, random.pick(['GETT', 'get', 'P\u00d6ST', 'POST\t', '\0GET', 'DEBUG'])),
  },
  { name: 'too many header bytes', refuse: true, write: (parts) => written(withHeaders(parts, ['X-Long', 'a'.repeat(20_000)])) },
  {
    name: 'a chunk size that is none',
    refuse: true,
    write: (parts, random) =>
      Buffer.concat([head(chunked(parts)), chunk(parts.body, random.pick(['0x5', '-1', '5 5', 'zz', 'fffffffffffffffff', '+5', '']))]),
  },
  {
    name: 'a chunk longer than said',
    refuse: true,
    write: (parts) =>
      Buffer.concat([head(chunked(parts)), chunk(Buffer.concat([parts.body, Buffer.from('xx')]), parts.body.length.toString(16)), end]),
  },
  {
    name: 'well chunked',
    write: (parts) => Buffer.concat([head(chunked(parts)), ...(parts.body.length > 0 ? [chunk(parts.body)] : []), end]),
  },
  {
    name: 'chunked byte by byte',
    write: (parts) => Buffer.concat([head(chunked(parts)), ...[...parts.body.subarray(0, 200)].map((byte) => chunk(Buffer.of(byte))), end]),
  },
  {
    name: 'chunk extensions',
    write: (parts) =>
      Buffer.concat([
        head(chunked(parts)),
        ...(parts.body.length > 0 ? [chunk(parts.body, `${parts.body.length.toString(16)};a="b";c`)] : []),
        end,
      ]),
  },
  {
    name: 'trailers',
    write: (parts) => Buffer.concat([head(chunked(parts)), Buffer.from('0\r\nContent-Length: 5\r\nAuthorization: Bearer x\r\n\r\n')]),
  },
  {
    name: 'Expect',
    write: (parts, random) => written(withHeaders(parts, ['Expect', random.pick(['100-continue', '100-Continue', '200-ok', 'x'])])),
  },
  {
    name: 'Upgrade',
    write: (parts, random) =>
      written(
        withHeaders(
          parts,
          ['Connection', 'Upgrade'],
          ['Upgrade', random.pick(['websocket', 'h2c', 'x'])],
          ['Sec-WebSocket-Key', 'AAAAAAAAAAAAAAAAAAAAAA=='],
          ['Sec-WebSocket-Version', '13'],
        ),
      ),
  },
  { name: 'HTTP/1.0', write: (parts) => replaced(parts, /HTTP\/1\.1/, 'HTTP/1.0') },
  { name: 'empty lines first', write: (parts) => Buffer.concat([Buffer.from('\r\n\r\n'), written(parts)]) },
  {
    name: 'a body shorter than said',
    incomplete: true,
    write: (parts) => written({ ...withHeaders(without(parts, 'content-length'), ['Content-Length', String(parts.body.length + 10)]) }),
  },
  {
    name: 'cut off',
    incomplete: true,
    write: (parts, random) => {
      const all = written(parts)
      return all.subarray(0, random.between(1, all.length - 1))
    },
  },
  { name: 'noise', incomplete: true, write: (_, random) => bytesOf(random, random.between(1, 300)) },
  {
    name: 'flipped bits',
    incomplete: true,
    write: (parts, random) => {
      const all = written(parts)
      for (let n = random.between(1, 8); n > 0; n--) {
        const at = random.between(0, all.length - 1)
        all[at] = (all[at] as number) ^ (1 << random.between(0, 7))
      }
      return all
    },
  },
  {
    name: 'TLS',
    incomplete: true,
    write: (_, random) => Buffer.concat([Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]), bytesOf(random, 64)]),
  },
]
