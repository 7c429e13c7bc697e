import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { refuseAtTheDoor, refuseUnreadable } from './door.ts'

export type Serving = { url: string /** Takes no new connections, lets requests under way end, then resolves. */; stop(): Promise<void> }

/**
 * A client that drips its request, or says nothing, is gone within 10 seconds: Node's own defaults let one live for
 * minutes, and a thousand of them take every socket. A request has 8 seconds to be here whole.
 */
const limits = {
  headersTimeout: 5_000,
  requestTimeout: 8_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 5_000,
  maxHeaderSize: 16_384,
  /** Then the client connects again, and a balancer of connections may send it elsewhere. */
  maxRequestsPerSocket: 1_000,
}
const maxConnections = 10_000

type Fetch = (request: Request, bindings: HttpBindings) => Response | Promise<Response>

/** Serves over HTTP/1.1 and nothing else. */
export async function serve(fetch: Fetch, at: { host: string; port: number }): Promise<Serving> {
  const { maxRequestsPerSocket, ...serverOptions } = limits
  const handle = (request: Request, bindings: HttpBindings) => refuseAtTheDoor(bindings.incoming) ?? fetch(request, bindings)
  const listener = getRequestListener((request, bindings) => handle(request, bindings as HttpBindings), { errorHandler: refuseUnreadable })
  let stopping = false
  const server = createServer(serverOptions, (incoming, outgoing) => {
    // A client that keeps its connection busy would go on sending to a server that takes no new ones, and hold up its end.
    if (stopping) outgoing.setHeader('connection', 'close')
    // An answer may repeat what a sender or receiver has said, and no browser is to take that for a page.
    outgoing.setHeader('x-content-type-options', 'nosniff')
    void listener(incoming, outgoing)
  })
  Object.assign(server, { maxRequestsPerSocket, maxConnections })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(at.port, at.host, resolve)
  })
  const { port } = server.address() as AddressInfo
  const host = at.host.includes(':') ? `[${at.host}]` : at.host
  return {
    url: `http://${host}:${port}`,
    stop: () =>
      new Promise((resolve) => {
        stopping = true
        server.close(() => resolve())
        server.closeIdleConnections()
        setTimeout(() => server.closeAllConnections(), 5_000).unref()
      }),
  }
}
