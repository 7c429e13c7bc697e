import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'

/** Receivers that break the rules, each in a way of its own. What a behaviour writes begins when the request is here. */
export type Behaviour = (socket: Socket, alive: () => boolean) => unknown
export type Hostile = {
  url: string
  connections(): number /** Resolves when no connection is left. */
  idle(): Promise<void>
  stop(): Promise<void>
}

const dripMs = 5
const head = (status: number, ...headers: string[]) => [`HTTP/1.1 ${status} Whatever`, ...headers, '', ''].join('\r\n')

async function drip(socket: Socket, alive: () => boolean, text: () => string): Promise<void> {
  while (alive()) {
    socket.write(text())
    await new Promise((resolve) => setTimeout(resolve, dripMs))
  }
}

/** Writes as fast as the other side reads, which is to say that it would never end by itself. */
async function flood(socket: Socket, alive: () => boolean, chunk: Buffer): Promise<void> {
  while (alive()) if (!socket.write(chunk)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => {})
}

const megabyte = Buffer.alloc(1_048_576, 'x')
/** 200 MB of zeros in 200 kB; made once, as that takes longer than anything that is done with it. */
let made: Buffer | undefined
const bomb = () => (made ??= gzipSync(Buffer.alloc(200 * 1_048_576)))

export const hostile = {
  silent: () => {},
  dripsHeaders: (socket, alive) => {
    socket.write('HTTP/1.1 200 OK\r\nx-slow: ')
    return drip(socket, alive, () => 'a')
  },
  interimForEver: (socket, alive) => drip(socket, alive, () => head(103, 'link: </a>; rel=preload')),
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
  answersAndLeaves: (socket) => socket.end(head(204)),
  redirects: (socket) => socket.end(head(302, 'location: http://169.254.169.254/latest/meta-data/', 'content-length: 0')),
  redirectsToItself: (socket) => socket.end(head(307, 'location: /', 'content-length: 0')),
  isGone: (socket) => socket.end(head(410, 'content-length: 0')),
  asksForPatience: (socket) => socket.end(head(429, 'retry-after: 1e9, -1; soon', 'content-length: 0')),
  bloatsChunks: (socket, alive) => {
    socket.write(head(200, 'transfer-encoding: chunked'))
    return flood(socket, alive, Buffer.from('1;ext=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nx\r\n'.repeat(500)))
  },
  breaksChunks: (socket) => socket.end(`${head(200, 'transfer-encoding: chunked')}zz\r\nnot a size\r\n`),
} satisfies Record<string, Behaviour>

/** @param onConnect what is done before any byte of a request was read; left out: nothing */
export async function startHostile(behaviour: Behaviour, onConnect?: Behaviour): Promise<Hostile> {
  const sockets = new Set<Socket>()
  let connections = 0
  const server = createServer((socket) => {
    connections++
    sockets.add(socket)
    const alive = () => !socket.destroyed && socket.writable
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    if (onConnect) return void onConnect(socket, alive)
    let text = ''
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk
      // every request of the tests has the body {}
      if (!text.endsWith('\r\n\r\n{}')) return
      text = ''
      void behaviour(socket, alive)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    connections: () => connections,
    idle: async () => void (await Promise.all([...sockets].map((socket) => new Promise((resolve) => socket.on('close', resolve))))),
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
