import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { gzipSync } from 'node:zlib'

/** Receivers that break the rules, each in a way of its own. What a behaviour writes begins when the request is here. */
export type Behaviour = (socket: Socket, alive: () => boolean) => unknown
export type Hostile = {
  url: string
  connections(): number
  /** Requests that have come whole. */
  requests(): number
  /** From now on it does what a good receiver does. */
  heal(): void | Promise<void>
  /** Resolves when no connection is left. */
  idle(): Promise<void>
  stop(): Promise<void>
}

const dripMs = 5
/** What a healed receiver says. */
export const well = 'well again'
export const head = (status: number, ...headers: string[]) => [`HTTP/1.1 ${status} Whatever`, ...headers, '', ''].join('\r\n')

async function drip(socket: Socket, alive: () => boolean, text: () => string): Promise<void> {
  while (alive()) {
    socket.write(text())
    await new Promise((resolve) => setTimeout(resolve, dripMs))
  }
}

/** Writes as fast as the other side reads, which is to say that it would never end by itself. */
export async function flood(socket: Socket, alive: () => boolean, chunk: Buffer): Promise<void> {
  const closed = once(socket, 'close').catch(() => {})
  while (alive()) if (!socket.write(chunk)) await Promise.race([once(socket, 'drain').catch(() => {}), closed])
}

const megabyte = Buffer.alloc(1_048_576, 'x')
/** 200 MB of zeros in 200 kB; made once, as that takes longer than anything that is done with it. */
let made: Buffer | undefined
export const bomb = (): Buffer => (made ??= gzipSync(Buffer.alloc(200 * 1_048_576)))

export const hostile = {
  silent: () => {},
  dripsHeaders: (socket, alive) => {
    socket.write('HTTP/1.1 200 OK\r\nx-slow: ')
    return drip(socket, alive, () => 'a')
  },
  interimForEver: (socket, alive) => drip(socket, alive, () => head(103, 'link: </a>; rel=preload')),
  floodsInterim: (socket, alive) => flood(socket, alive, Buffer.from(head(103, 'link: </a>; rel=preload').repeat(500))),
  continueForEver: (socket, alive) => drip(socket, alive, () => head(100)),
  dripsBody: (socket, alive) => {
    socket.write(head(200, 'content-length: 1000000'))
    return drip(socket, alive, () => 'a')
  },
  dripsErrorBody: (socket, alive) => {
    socket.write(head(500, 'content-length: 1000000'))
    return drip(socket, alive, () => 'a')
  },
  floods: (socket, alive) => {
    socket.write(head(200))
    return flood(socket, alive, megabyte)
  },
  sendsBomb: (socket) => {
    const body = bomb()
    socket.write(head(200, 'content-encoding: gzip', `content-length: ${body.length}`))
    socket.write(body)
  },
  cutsBodyShort: (socket) => socket.end(`${head(200, 'content-length: 100')}only this`),
  cutsErrorBodyShort: (socket) => socket.end(`${head(503, 'content-length: 100')}only this`),
  claimsTooMuch: (socket) => socket.end(head(200, 'content-length: 99999999999999999999')),
  closes: (socket) => socket.end(),
  resets: (socket) => socket.resetAndDestroy(),
  talksSsh: (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'),
  bloatsHeaders: (socket) => socket.end(head(200, ...Array.from({ length: 1_000 }, (_, i) => `x-${i}: ${'a'.repeat(60)}`))),
  contradictsItself: (socket) => socket.end(`${head(200, 'content-length: 5', 'content-length: 500')}hello`),
  answersTwice: (socket) => socket.write(`${head(200, 'content-length: 3')}own${head(500, 'content-length: 5')}stale`),
  speaksHttp09: (socket) => socket.end('<html>no head at all</html>'),
  talksGarbage: (socket) => socket.end(Buffer.from(Array.from({ length: 4_096 }, (_, i) => (i * 151 + 7) & 255))),
  floodsHeaders: (socket, alive) => {
    socket.write('HTTP/1.1 200 OK\r\n')
    return flood(socket, alive, Buffer.from('x-more: of the same\r\n'.repeat(1_000)))
  },
  answersAndLeaves: (socket) => socket.end(head(204, 'connection: close')),
  redirects: (socket) => socket.write(head(302, 'location: http://169.254.169.254/latest/meta-data/', 'content-length: 0')),
  redirectsToItself: (socket) => socket.write(head(307, 'location: /', 'content-length: 0')),
  upgrades: (socket) => socket.write(head(101, 'connection: upgrade', 'upgrade: websocket')),
  creates: (socket) => socket.write(head(201, 'content-length: 0')),
  finds400: (socket) => socket.write(head(400, 'content-length: 0')),
  finds401: (socket) => socket.write(head(401, 'content-length: 0')),
  finds404: (socket) => socket.write(head(404, 'content-length: 0')),
  finds422: (socket) => socket.write(head(422, 'content-length: 0')),
  breaksDown: (socket) => socket.write(head(500, 'content-length: 0')),
  isGone: (socket) => socket.write(head(410, 'content-length: 0')),
  asksForPatience: (socket) => socket.write(head(429, 'retry-after: 1e9, -1; soon', 'content-length: 0')),
  asksForSeconds: (socket) => socket.write(head(429, 'retry-after: 5', 'content-length: 0')),
  // seven seconds after the time that the tests decide at
  asksForADate: (socket) => socket.write(head(503, 'retry-after: Thu, 01 Jan 1970 00:00:07 GMT', 'content-length: 0')),
  asksForDecades: (socket) => socket.write(head(503, 'retry-after: 1000000000', 'content-length: 0')),
  asksForThePast: (socket) => socket.write(head(429, 'retry-after: -1', 'content-length: 0')),
  bloatsChunks: (socket, alive) => {
    socket.write(head(200, 'transfer-encoding: chunked'))
    return flood(socket, alive, Buffer.from('1;ext=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nx\r\n'.repeat(500)))
  },
  floodsTrailers: (socket, alive) => {
    socket.write(`${head(200, 'transfer-encoding: chunked')}0\r\n`)
    return flood(socket, alive, Buffer.from('x-more: of the same\r\n'.repeat(1_000)))
  },
  breaksChunks: (socket) => socket.end(`${head(200, 'transfer-encoding: chunked')}zz\r\nnot a size\r\n`),
} satisfies Record<string, Behaviour>

/** @param onConnect what is done before any byte of a request was read; left out: nothing */
export function startHostile(behaviour: Behaviour, onConnect?: Behaviour): Promise<Hostile> {
  return listen((socket, alive, healed, count) => {
    if (onConnect && !healed()) return void onConnect(socket, alive)
    onRequest(socket, () => {
      count()
      if (healed()) answerWell(socket)
      else void behaviour(socket, alive)
    })
  })
}

export const answerWell = (socket: Duplex): void => void socket.write(`${head(200, `content-length: ${well.length}`)}${well}`)

/** Every request of the tests has the body {}. */
export function onRequest(socket: Duplex, answer: () => void): void {
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk
    if (!text.endsWith('\r\n\r\n{}')) return
    text = ''
    answer()
  })
}

type Connection = (socket: Socket, alive: () => boolean, healed: () => boolean, count: () => void) => void

/** A port on which connections are taken, and what is done with each. */
export async function listen(connection: Connection, { scheme = 'http', host = '127.0.0.1', port = 0 } = {}): Promise<Hostile> {
  const sockets = new Set<Socket>()
  let [connections, requests, isHealed] = [0, 0, false]
  const server = createServer((socket) => {
    connections++
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    connection(
      socket,
      () => !socket.destroyed && socket.writable,
      () => isHealed,
      () => requests++,
    )
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return {
    url: `${scheme}://${host}:${(server.address() as AddressInfo).port}/`,
    connections: () => connections,
    requests: () => requests,
    heal: () => void (isHealed = true),
    idle: async () => void (await Promise.all([...sockets].map((socket) => new Promise((resolve) => socket.on('close', resolve))))),
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/** A port where nobody listens, until it is healed. */
export async function startAbsent(): Promise<Hostile> {
  const absent = await startHostile(hostile.silent)
  await absent.stop()
  let present: Hostile | undefined
  return {
    ...absent,
    heal: async () => {
      present = await listen((socket) => onRequest(socket, () => answerWell(socket)), { port: Number(new URL(absent.url).port) })
    },
    stop: async () => present?.stop(),
  }
}
