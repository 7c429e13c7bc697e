import type { Socket } from 'node:net'
import { createServer, type Server, type TlsOptions } from 'node:tls'
import { makeCertificate, makeChain, type Authority, type Identity } from './hostile-certificates.ts'
import { answerWell, flood, listen, onRequest, type Behaviour, type Hostile } from './hostile.ts'

/** Receivers that break the rules before there is a request: those of TLS. All are asked for by this name. */
export const tlsHost = 'hooks.example'

export type Authorities = { trusted: Authority; stranger: Authority }
type Misidentified = (authorities: Authorities) => TlsOptions & Identity

export const makeAuthorities = (): Authorities => ({
  trusted: makeCertificate('a trusted authority', { isAuthority: true }),
  stranger: makeCertificate('an authority that nobody knows', { isAuthority: true }),
})

const hosts = [tlsHost]
const half = 43

/** Who shows a certificate that must not be believed, or asks for what we have not got. */
export const misidentified = {
  hasExpired: ({ trusted: by }) => makeCertificate(tlsHost, { hosts, by, days: [-30, -1] }),
  isNotValidYet: ({ trusted: by }) => makeCertificate(tlsHost, { hosts, by, days: [1, 30] }),
  signsItself: () => makeCertificate(tlsHost, { hosts }),
  isAnotherHost: ({ trusted: by }) => makeCertificate(tlsHost, { hosts: ['other.example'], by }),
  isFourThousandOthers: ({ trusted: by }) =>
    makeCertificate(tlsHost, { hosts: Array.from({ length: 4_000 }, (_, n) => `other-${n}.example`), by }),
  isOfAStranger: ({ stranger }) => withChain(makeCertificate(tlsHost, { hosts, by: stranger }), stranger),
  showsHalfAChain: ({ stranger: by }) => makeCertificate(tlsHost, { hosts, by }),
  isSignedByNoAuthority: ({ trusted }) => {
    const by = makeCertificate('no authority', { by: trusted })
    return withChain(makeCertificate(tlsHost, { hosts, by }), by)
  },
  // deeper than anybody follows
  showsALongChain: ({ trusted }) => makeChain(trusted, 110, tlsHost),
  asksWhoWeAre: ({ trusted: by }) => ({
    ...makeCertificate(tlsHost, { hosts, by }),
    requestCert: true,
    rejectUnauthorized: true,
    maxVersion: 'TLSv1.2',
  }),
} satisfies Record<string, Misidentified>

const withChain = ({ key, cert }: Identity, ...others: Identity[]): Identity => ({
  key,
  cert: cert + others.map((one) => one.cert).join(''),
})

const record = (type: number, ...bytes: number[]) => Buffer.from([type, 3, 3, bytes.length >> 8, bytes.length & 255, ...bytes])
const alert = (description: number) => record(21, 2, description)
/** Version, 32 random bytes, no session, a cipher that everybody offers, no compression, renegotiation that is safe. */
const serverHello = (minor: number) =>
  record(22, 2, 0, 0, 45, 3, minor, ...Array.from({ length: 32 }, () => 7), 0, 0xc0, 0x2b, 0, 0, 5, 0xff, 1, 0, 1, 0)
/** The beginning of a certificate message of 16 MB less a byte, and what goes on for ever after it. */
const certificates = Buffer.concat([
  record(22, 11, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfc),
  record(22, ...Array.from({ length: 4_096 }, () => half)),
])

/** Who breaks the handshake itself, as soon as it has been greeted. */
export const uncivil = {
  greetsNobody: () => {},
  dripsItsGreeting: async (socket, alive) => {
    for (const byte of record(22, 2, 0, 0x3f, 0xff)) {
      if (alive()) socket.write(Buffer.from([byte]))
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    while (alive()) {
      socket.write(record(22, half))
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  },
  resetsTheHandshake: (socket) => socket.resetAndDestroy(),
  leavesTheHandshake: (socket) => socket.end(),
  refusesTheHandshake: (socket) => socket.end(alert(40)),
  knowsNoSuchName: (socket) => socket.end(alert(112)),
  speaksTls10: (socket) => socket.write(serverHello(1)),
  refusesTls12: (socket) => socket.end(alert(70)),
  speaksPlainHttp: (socket) => socket.end('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n'),
  floodsCertificates: (socket, alive) => {
    socket.write(serverHello(3))
    return flood(socket, alive, certificates)
  },
} satisfies Record<string, Behaviour>

/** @param goes how it begins, until it is healed; then it is who it says it is */
function startTls({ trusted: by }: Authorities, goes: (socket: Socket, alive: () => boolean, count: () => void) => void): Promise<Hostile> {
  const good = makeCertificate(tlsHost, { hosts, by })
  return listen(
    (socket, alive, healed, count) => {
      if (healed()) serverOf(good, count).emit('connection', socket)
      else goes(socket, alive, count)
    },
    { scheme: 'https', host: tlsHost },
  )
}

export const startMisidentified = async (name: keyof typeof misidentified, authorities: Authorities): Promise<Hostile> => {
  const options = (misidentified[name] as Misidentified)(authorities)
  let server: Server | undefined
  return startTls(authorities, (socket, _, count) => {
    server ??= serverOf(options, count)
    server.emit('connection', socket)
  })
}

export const startUncivil = (name: keyof typeof uncivil, authorities: Authorities): Promise<Hostile> =>
  startTls(authorities, (socket, alive) => void socket.once('data', () => void (uncivil[name] as Behaviour)(socket, alive)))

function serverOf({ key, cert, ...options }: TlsOptions & Identity, count: () => void): Server {
  const server = createServer({ key, cert, ...options }, (socket) => {
    socket.on('error', () => {})
    onRequest(socket, () => {
      count()
      answerWell(socket)
    })
  })
  return server.on('tlsClientError', () => {})
}
