import { createConnection, createServer, type Socket } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'

/** What a network does to a connection, by the names of toxiproxy. Directions are as the client sees them. */
export type Fault =
  /** Everything arrives later, both ways. */
  | { kind: 'latency'; ms: number }
  /** No more than this passes, each way. */
  | { kind: 'bandwidth'; bytesPerSecond: number }
  /** An end of the connection is told this much later. */
  | { kind: 'slow_close'; ms: number }
  /** Nothing passes any more, and nobody is told: as a cable that is cut. */
  | { kind: 'timeout' }
  /** Commands pass, answers do not: done, and nobody knows it. Each connection is reset after this time. */
  | { kind: 'reset_peer'; afterMs: number }
  /** Whatever is sent arrives in pieces, a little apart. */
  | { kind: 'slicer'; bytes: number; apartMs: number }
  /** A connection ends once so much has come back on it. */
  | { kind: 'limit_data'; bytes: number }
  /** Connections are refused, those that stand are reset. */
  | { kind: 'down' }

export type Proxy = {
  port: number
  /** Applies to connections that stand as well as to new ones. */
  impose(fault: Fault): void
  /** No fault; connections whose stream is no longer whole are reset. */
  clear(): void
  /** Where new connections lead from now on; those that stand are reset. */
  lead(to: Target): void
  stop(): Promise<void>
}
type Target = { path: string } | { host: string; port: number }

/** A link that can be disturbed: listens on loopback and leads to the target. */
export async function startProxy(target: Target): Promise<Proxy> {
  const links = new Set<Link>()
  let leadsTo = target
  let fault: Fault | undefined
  const server = createServer((client) => {
    if (fault?.kind === 'down') return void client.resetAndDestroy()
    const link = createLink(client, createConnection(leadsTo), () => fault)
    links.add(link)
    void link.ended.then(() => links.delete(link))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  const resetAll = (which: (link: Link) => boolean = () => true) => {
    for (const link of links) if (which(link)) link.reset()
  }
  return {
    port: (server.address() as AddressInfo).port,
    impose(next) {
      fault = next
      if (next.kind === 'down') resetAll()
      if (next.kind === 'reset_peer') for (const link of links) link.resetAfter(next.afterMs)
    },
    clear() {
      fault = undefined
      resetAll((link) => link.lostBytes())
    },
    lead(to) {
      leadsTo = to
      resetAll()
    },
    async stop() {
      const closed = once(server, 'close')
      server.close()
      resetAll()
      await closed
    },
  }
}

type Link = { ended: Promise<unknown>; lostBytes(): boolean; reset(): void; resetAfter(ms: number): void }

function createLink(client: Socket, server: Socket, fault: () => Fault | undefined): Link {
  let lost = false
  let answered = 0
  const reset = () => {
    if (!client.destroyed) client.resetAndDestroy()
    server.destroy()
  }
  const resetAfter = (ms: number) => void setTimeout(reset, ms).unref()
  const end = () => {
    const now = fault()
    if (now?.kind === 'slow_close') setTimeout(reset, now.ms).unref()
    else reset()
  }
  for (const socket of [client, server]) {
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.once('close', end)
  }

  /** One after the other, so that what is late does not overtake. */
  const carry = (from: Socket, to: Socket, back: boolean) => {
    let before: Promise<unknown> = Promise.resolve()
    from.on('data', (chunk: Buffer) => {
      const now = fault()
      const swallowed = now?.kind === 'timeout' || (back && now?.kind === 'reset_peer')
      if (swallowed) lost = true
      if (swallowed) return
      if (back && now?.kind === 'limit_data' && (answered += chunk.length) > now.bytes) return reset()
      from.pause()
      before = before.then(() => pass(chunk, to, now)).then(() => from.resume())
    })
  }
  carry(client, server, false)
  carry(server, client, true)
  const now = fault()
  if (now?.kind === 'reset_peer') resetAfter(now.afterMs)
  // not `events.once`, which rejects for an error that came before, and here errors are what it is about
  const ended = new Promise((resolve) => client.once('close', resolve))
  return { ended, lostBytes: () => lost, reset, resetAfter }
}

async function pass(chunk: Buffer, to: Socket, fault: Fault | undefined): Promise<void> {
  if (fault?.kind === 'latency') await pause(fault.ms)
  if (fault?.kind === 'bandwidth') await pause((chunk.length / fault.bytesPerSecond) * 1_000)
  if (fault?.kind !== 'slicer') return write(to, chunk)
  for (let at = 0; at < chunk.length; at += fault.bytes) {
    write(to, chunk.subarray(at, at + fault.bytes))
    await pause(fault.apartMs)
  }
}

function write(to: Socket, chunk: Buffer): void {
  if (!to.destroyed) to.write(chunk)
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
