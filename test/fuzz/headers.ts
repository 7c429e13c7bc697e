import { createServer, type AddressInfo } from 'node:net'
import fc from 'fast-check'
import { CustomHeaders } from '../../shared/contracts/headers.ts'
import { createAddressPolicy } from '../../shared/http/address-policy.ts'
import { createSender } from '../../shared/http/send.ts'

export type HeaderReport = {
  ok: boolean
  seed: number
  cases: number
  /** Sets of headers that a webhook may have; each was sent, and read from the wire. */
  taken: number
  extraLines: number
  overridden: number
  findings: string[]
}

const reserved = [
  'host',
  'content-length',
  'content-type',
  'content-encoding',
  'transfer-encoding',
  'connection',
  'upgrade',
  'expect',
  'te',
  'trailer',
  'cookie',
  'keep-alive',
  'proxy-authorization',
  'user-agent',
  'accept-encoding',
  'webhook-id',
  'webhook-signature',
  'webhook-timestamp',
  'svix-id',
  'svix-signature',
  'ce-id',
]
const breaks = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  '\u2028',
  '\u0085',
  '\x0b',
  '\x0c',
  '%0d%0a',
  '\\r\\n',
  '\u560a',
  '\u010d\u010a',
  ' ',
  '\t',
  ':',
  '\x7f',
]
const injected = [
  'x: y',
  'host: inside',
  'content-length: 0',
  'transfer-encoding: chunked',
  'GET / HTTP/1.1',
  'webhook-signature: v1,x',
  '\r\n{}',
]

const piece = fc.oneof(
  fc.constantFrom(...breaks),
  fc.constantFrom(...injected),
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 6 }),
)
const wild = fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join(''))
const dressed = fc
  .tuple(fc.constantFrom(...reserved), fc.constantFrom('', ' ', '\t', '\r', '\n', '\0', ':'), fc.boolean())
  .map(([name, tail, capitals]) => (capitals ? name.toUpperCase() : name) + tail)
const token = fc.stringMatching(/^[xX][A-Za-z0-9!#$%&'*+.^_`|~-]{0,20}$/)
const printable = fc.stringMatching(/^([!-~]([ -~]{0,40}[!-~])?)?$/)
const pair = fc.oneof(
  fc.tuple(token, printable),
  fc.tuple(
    token,
    fc.tuple(printable, wild).map(([a, b]) => a + b),
  ),
  fc.tuple(fc.oneof(wild, dressed, fc.constantFrom('__proto__', 'constructor', '')), fc.oneof(printable, wild)),
)
const some = fc.array(pair, { minLength: 1, maxLength: 4 })

/** X4: what the API takes as headers of a webhook is sent as just these lines, and what it does not take is refused. */
export async function fuzzHeaders({ cases, seed }: { cases: number; seed: number }): Promise<HeaderReport> {
  const report: HeaderReport = { ok: true, seed, cases, taken: 0, extraLines: 0, overridden: 0, findings: [] }
  const wire = await startWire()
  const sender = createSender(createAddressPolicy({ allow: ['127.0.0.0/8'] }), { connectionsPerOrigin: 1 })
  const own = {
    'content-type': 'application/json',
    'accept-encoding': 'identity',
    'user-agent': 'Tidings/1',
    'webhook-id': 'ours',
    'webhook-signature': 'v1,ours',
  }
  try {
    const find = (figure: 'extraLines' | 'overridden', what: unknown) => {
      report[figure]++
      if (report.findings.length < 20) report.findings.push(`${figure}: ${JSON.stringify(what)}`)
    }
    for (const pairs of fc.sample(some, { numRuns: cases, seed })) {
      const parsed = CustomHeaders.safeParse(Object.fromEntries(pairs))
      if (!parsed.success) continue
      report.taken++
      // as the dispatcher does it: ours are written last
      const result = await sender.send({ url: wire.url, headers: { ...parsed.data, ...own }, body: Buffer.from('{}'), timeoutMs: 10_000 })
      if (result.outcome !== 'succeeded') find('extraLines', [parsed.data, result.error])
      const [line, ...lines] = wire.last().split('\r\n')
      const expected = [...Object.entries({ ...parsed.data, ...own }).map(([name, value]) => `${name}: ${value}`), 'content-length: 2']
      const received = lines.filter((each) => !/^(host|connection): /.test(each))
      if (line !== 'POST / HTTP/1.1' || received.toSorted().join('\n') !== expected.toSorted().join('\n'))
        find('extraLines', [parsed.data, lines])
      if (lines.filter((each) => /^host:/i.test(each)).length !== 1) find('overridden', parsed.data)
      for (const name of reserved) {
        const values = lines.filter((each) => each.toLowerCase().startsWith(`${name}:`))
        const isOurs = name in own || ['host', 'connection', 'content-length'].includes(name)
        if (isOurs ? values.length > 1 : values.length > 0) find('overridden', [name, parsed.data])
      }
    }
  } finally {
    await sender.close()
    await wire.stop()
  }
  return { ...report, ok: report.extraLines + report.overridden === 0 && report.taken > 0 }
}

/** A receiver that keeps the head of each request as it came. */
async function startWire(): Promise<{ url: string; last(): string; stop(): Promise<void> }> {
  let head = ''
  const server = createServer((socket) => {
    let text = ''
    socket.setEncoding('latin1').on('error', () => {})
    socket.on('data', (chunk: string) => {
      text += chunk
      if (!text.endsWith('\r\n\r\n{}')) return
      head = text.slice(0, -6)
      text = ''
      socket.write('HTTP/1.1 204 No Content\r\n\r\n')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    last: () => head,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  }
}
