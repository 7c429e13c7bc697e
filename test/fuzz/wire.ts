import { connect, type Socket } from 'node:net'

/** A connection on which bytes are written as they are, and answers read as RFC 9112 has them. */
export type Reply = { status: number; headers: Record<string, string>; body: Buffer }
export type Exchange = {
  /** What was answered before the connection ended or the patience did; several only where the server saw several requests. */
  replies: Reply[]
  closed: boolean
}
export type Wire = {
  /** @param patienceMs how long to wait for an answer that may never come */
  exchange(bytes: Buffer, patienceMs: number, isHead?: boolean): Promise<Exchange>
  /** Drops the connection; the next exchange makes a new one. */
  drop(): void
}

export function createWire(port: number): Wire {
  let socket: Socket | undefined
  const drop = () => {
    socket?.destroy()
    socket = undefined
  }
  const opened = () => {
    if (!socket || socket.destroyed || !socket.writable)
      socket = connect(port, '127.0.0.1')
        .setNoDelay(true)
        .on('error', () => {})
    return socket
  }

  async function exchange(bytes: Buffer, patienceMs: number, isHead = false): Promise<Exchange> {
    const wasKept = socket !== undefined
    const result = await once(opened(), bytes, patienceMs, isHead)
    if (result.closed) drop()
    // a kept connection may have been ended while nothing was said on it: that is no answer to this request
    if (wasKept && result.closed && result.replies.length === 0) return once(opened(), bytes, patienceMs, isHead)
    return result
  }
  return { exchange, drop }
}

function once(socket: Socket, bytes: Buffer, patienceMs: number, isHead: boolean): Promise<Exchange> {
  return new Promise((resolve) => {
    let received: Buffer = Buffer.alloc(0)
    const finish = (closed: boolean) => {
      clearTimeout(timer)
      socket.off('data', onData).off('close', onClose)
      const { replies, mustClose } = readReplies(received, closed, isHead)
      resolve({ replies, closed: closed || mustClose })
    }
    const onData = (chunk: Buffer) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
      const { replies, rest, mustClose } = readReplies(received, false, isHead)
      if (replies.length > 0 && rest === 0 && !mustClose) finish(false)
    }
    const onClose = () => finish(true)
    const timer = setTimeout(() => finish(false), patienceMs)
    socket.on('data', onData).once('close', onClose)
    if (socket.destroyed) finish(true)
    else socket.write(bytes)
  })
}

/** All whole answers in what was received. */
export function readReplies(received: Buffer, ended: boolean, isHead = false): { replies: Reply[]; rest: number; mustClose: boolean } {
  const replies: Reply[] = []
  let at = 0
  let mustClose = false
  for (;;) {
    const reply = readReply(received, at, ended, isHead)
    if (!reply) break
    at = reply.end
    if (reply.status >= 200) replies.push({ status: reply.status, headers: reply.headers, body: reply.body })
    if (reply.headers.connection?.toLowerCase() === 'close') mustClose = true
  }
  return { replies, rest: received.length - at, mustClose }
}

function readReply(received: Buffer, from: number, ended: boolean, isHead: boolean): (Reply & { end: number }) | undefined {
  const headEnd = received.indexOf('\r\n\r\n', from)
  if (headEnd < 0) return undefined
  const [line = '', ...lines] = received.toString('latin1', from, headEnd).split('\r\n')
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(line)?.[1] ?? Number.NaN)
  if (Number.isNaN(status)) throw new Error(`what was answered is no HTTP: ${JSON.stringify(line.slice(0, 100))}`)
  const headers = Object.fromEntries(
    lines.map((each) => [each.slice(0, each.indexOf(':')).toLowerCase(), each.slice(each.indexOf(':') + 1).trim()]),
  )
  const start = headEnd + 4
  const done = (body: Buffer, end: number) => ({ status, headers, body, end })
  if (isHead || status < 200 || status === 204 || status === 304) return done(Buffer.alloc(0), start)
  if (headers['transfer-encoding']?.toLowerCase() === 'chunked') return readChunks(received, start, done)
  if (headers['content-length'] !== undefined) {
    const end = start + Number(headers['content-length'])
    return end <= received.length ? done(received.subarray(start, end), end) : undefined
  }
  return ended ? done(received.subarray(start), received.length) : undefined
}

function readChunks<T>(received: Buffer, from: number, done: (body: Buffer, end: number) => T): T | undefined {
  const parts: Buffer[] = []
  let at = from
  for (;;) {
    const lineEnd = received.indexOf('\r\n', at)
    if (lineEnd < 0) return undefined
    const size = Number.parseInt(received.toString('latin1', at, lineEnd), 16)
    const next = lineEnd + 2 + size + 2
    if (next > received.length) return undefined
    if (size === 0) return done(Buffer.concat(parts), next)
    parts.push(received.subarray(lineEnd + 2, lineEnd + 2 + size))
    at = next
  }
}
