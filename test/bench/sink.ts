import { createServer, type AddressInfo, type Socket } from 'node:net'
import { answer } from './child.ts'
import { nowUs } from './clock.ts'

/**
 * Where every sender of the benchmark delivers to: the same process, answering 200 to whatever is posted. It looks for
 * the end of each request and counts, nothing else, so that it is never what limits a sender; `sink` in the table says
 * how many it can take.
 */
const headEnd = Buffer.from('\r\n\r\n')
const lastChunk = Buffer.from('0\r\n\r\n')
const ok = Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
const mark = Buffer.from('sentAt')

let count = 0
let firstAt = 0
let lastAt = 0
let delayMs = 0
let wanted: { count: number; resolve(): void } | undefined
/** Microseconds from the `sentAt` in each body until it was here; collected only where asked for. */
let latencies: number[] | undefined

function arrived(bytes: Buffer, from: number, to: number): void {
  lastAt = nowUs()
  if (count++ === 0) firstAt = lastAt
  if (latencies) noteLatency(bytes.subarray(from, to), latencies)
  if (wanted && count >= wanted.count) wanted.resolve()
}

function noteLatency(body: Buffer, into: number[]): void {
  const at = body.indexOf(mark)
  const sentAt = /\d+/.exec(body.toString('latin1', at, at + 40))?.[0]
  if (at >= 0 && sentAt) into.push(lastAt - Number(sentAt))
}

/** Handles each whole request among the bytes, and gives back what is left. */
function take(socket: Socket, bytes: Buffer): Buffer {
  let at = 0
  for (let end = bytes.indexOf(headEnd); end >= 0; end = bytes.indexOf(headEnd, at)) {
    const head = bytes.toString('latin1', at, end)
    const next = bodyEnd(head, bytes, end + headEnd.length)
    if (next === undefined) break
    arrived(bytes, end, next)
    if (delayMs > 0) setTimeout(() => socket.write(ok), delayMs)
    else socket.write(ok)
    at = next
  }
  return at === 0 ? bytes : bytes.subarray(at)
}

function bodyEnd(head: string, bytes: Buffer, from: number): number | undefined {
  if (/\r\ntransfer-encoding: *chunked/i.test(head)) {
    const last = bytes.indexOf(lastChunk, from)
    return last < 0 ? undefined : last + lastChunk.length
  }
  const end = from + Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0)
  return end > bytes.length ? undefined : end
}

const server = createServer({ noDelay: true }, (socket) => {
  let left: Buffer = Buffer.alloc(0)
  socket.on('data', (bytes: Buffer) => {
    left = take(socket, left.length === 0 ? bytes : Buffer.concat([left, bytes]))
  })
  socket.on('error', () => socket.destroy())
})
await new Promise<void>((resolve) => server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', resolve))

answer({
  url: () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  reset(options: { delayMs?: number; latencies?: boolean }) {
    count = 0
    delayMs = options.delayMs ?? 0
    latencies = options.latencies ? [] : undefined
  },
  /** Resolves when so many have come since the last reset. */
  expect: (wantedCount: number) =>
    count >= wantedCount ? undefined : new Promise<void>((resolve) => (wanted = { count: wantedCount, resolve })),
  report: () => ({ count, firstAt, lastAt, latencies }),
})
