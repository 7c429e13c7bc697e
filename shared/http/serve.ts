import { createAdaptorServer } from '@hono/node-server'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Serving = { url: string /** Takes no new connections, lets requests under way end, then resolves. */; stop(): Promise<void> }

/**
 * Serves over HTTP/1.1. The time limits end a client that drips its request: Node's own defaults let one live for
 * minutes, and a thousand of them take every socket.
 */
export async function serve(
  fetch: (request: Request) => Response | Promise<Response>,
  at: { host: string; port: number },
): Promise<Serving> {
  const server = createAdaptorServer({
    fetch,
    serverOptions: {
      headersTimeout: 10_000,
      requestTimeout: 30_000,
      connectionsCheckingInterval: 1_000,
      keepAliveTimeout: 65_000,
      maxHeaderSize: 16_384,
    },
  }) as Server
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
        server.close(() => resolve())
        server.closeIdleConnections()
        setTimeout(() => server.closeAllConnections(), 5_000).unref()
      }),
  }
}
