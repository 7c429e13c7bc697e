import { connect as connectSocket, type Socket } from 'node:net'

/**
 * The least an HTTP client can be: prepared bytes out, status and length of the answer in, one request at a time on a
 * connection. A client with more to it would use up a core that belongs to what is measured, and hide the difference.
 */
export type Connection = { post(request: Buffer): Promise<Answer>; close(): void }
export type Answer = { status: number; body: string }

const headEnd = Buffer.from('\r\n\r\n')

export async function connect(url: string): Promise<Connection> {
  const { hostname, port, protocol } = new URL(url)
  if (protocol !== 'http:') throw new Error(`${url}: the benchmark speaks plain HTTP`)
  const socket = connectSocket({ host: hostname, port: Number(port || 80), noDelay: true })
  let received: Buffer = Buffer.alloc(0)
  let waiting: { resolve(answer: Answer): void; reject(error: Error): void } | undefined
  const fail = (error: Error) => waiting?.reject(error)
  socket.on('data', (bytes: Buffer) => {
    received = received.length === 0 ? bytes : Buffer.concat([received, bytes])
    const answer = wholeAnswer(received)
    if (!answer) return
    received = Buffer.alloc(0)
    waiting?.resolve(answer)
  })
  socket.on('error', fail)
  let closed = false
  socket.on('close', () => {
    closed = true
    fail(new Error(`${url} closed the connection`))
  })
  await opened(socket)
  return {
    post: (request) =>
      new Promise((resolve, reject) => {
        if (closed) return reject(new Error(`${url} closed the connection`))
        waiting = { resolve, reject }
        socket.write(request)
      }),
    close() {
      waiting = undefined
      socket.destroy()
    },
  }
}

const opened = (socket: Socket) =>
  new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })

function wholeAnswer(bytes: Buffer): Answer | undefined {
  const end = bytes.indexOf(headEnd)
  if (end < 0) return undefined
  const head = bytes.toString('latin1', 0, end)
  const body = bytes.subarray(end + headEnd.length)
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  const isWhole =
    length === undefined ? /\r\ntransfer-encoding: *chunked/i.test(head) && body.includes('0\r\n\r\n') : body.length >= Number(length)
  if (length === undefined && !/\r\ntransfer-encoding/i.test(head)) return { status: Number(head.slice(9, 12)), body: '' }
  return isWhole ? { status: Number(head.slice(9, 12)), body: body.toString() } : undefined
}

export function requestBytes(url: string, headers: Record<string, string>, body: string, method = 'POST'): Buffer {
  const { host, pathname, search } = new URL(url)
  const lines = Object.entries({ host, ...headers, 'content-length': String(Buffer.byteLength(body)) }).map(
    ([name, value]) => `${name}: ${value}`,
  )
  return Buffer.from(`${method} ${pathname}${search} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`)
}

export type Pool = {
  /** As fast as the answers come: each connection posts its next request when the last was answered. */
  closedLoop(requests: number, make: (index: number) => Buffer): Promise<void>
  /** So many a second, whatever the answers do. `make` is called at the moment of sending. @returns µs until each was answered */
  openLoop(perSecond: number, seconds: number, make: (index: number) => Buffer): Promise<number[]>
}

/**
 * Connections of each run are its own: a server closes those that nobody uses for some seconds. Where there are several
 * servers, each has its share of them.
 */
export function createPool(urls: string[], size: number): Pool {
  let next = 0
  const connectNext = () => connect(urls[next++ % urls.length] as string)
  async function connected<T>(work: (connections: Connection[]) => Promise<T>): Promise<T> {
    const connections = await Promise.all(Array.from({ length: size }, connectNext))
    try {
      return await work(connections)
    } finally {
      for (const connection of connections) connection.close()
    }
  }
  const checked = async (connection: Connection, request: Buffer) => {
    const answer = await connection.post(request)
    if (answer.status < 200 || answer.status >= 300)
      throw new Error(`${urls.join(', ')} answered ${answer.status}: ${answer.body.slice(0, 300)}`)
  }
  return {
    closedLoop: (requests, make) =>
      connected(async (connections) => {
        let next = 0
        const work = async (connection: Connection) => {
          while (next < requests) await checked(connection, make(next++))
        }
        await Promise.all(connections.map(work))
      }),
    openLoop: (perSecond, seconds, make) =>
      connected(async (connections) => {
        const answered: number[] = []
        await atRate(perSecond, seconds, async (index) => {
          const startedAt = performance.now()
          const request = make(index)
          // in turn, so that none is idle for long; one more where all wait for an answer
          const connection = connections.shift() ?? (await connectNext())
          await checked(connection, request)
          answered.push((performance.now() - startedAt) * 1000)
          connections.push(connection)
        })
        return answered
      }),
  }
}

/** Begins so many a second at even distances, without waiting for what it began, and resolves when all have ended. */
export async function atRate(perSecond: number, seconds: number, begin: (index: number) => Promise<unknown>): Promise<void> {
  const startedAt = performance.now()
  const begun: Promise<unknown>[] = []
  await new Promise<void>((resolve, reject) => {
    const timer = setInterval(() => {
      const due = Math.min(perSecond * seconds, ((performance.now() - startedAt) / 1000) * perSecond)
      while (begun.length < due) begun.push(begin(begun.length).catch(fail))
      if (begun.length >= perSecond * seconds) end(resolve)
    }, 1)
    const end = (how: () => void) => {
      clearInterval(timer)
      how()
    }
    const fail = (error: Error) => end(() => reject(error))
  })
  await Promise.all(begun)
}
