import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { createWire } from './wire.ts'

/** How a client keeps a connection that it does nothing useful with. */
export type Slowness = 'silent' | 'drips headers' | 'drips its body' | 'silent after its headers'

const beginnings: Record<Slowness, string> = {
  silent: '',
  'drips headers': 'POST /events HTTP/1.1\r\nHost: a\r\nX-Slow: ',
  'drips its body': 'POST /events HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n',
  'silent after its headers': 'POST /events HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n',
}
export const slownesses = Object.keys(beginnings) as Slowness[]
const dripMs = 500

/** @returns after how many milliseconds the server has ended each connection, or infinity where it has not within the time */
export async function keepSlowly({
  port,
  key,
  each,
  withinMs,
}: {
  port: number
  key?: string
  each: number
  withinMs: number
}): Promise<Record<Slowness, number[]>> {
  const lives = slownesses.map(
    async (slowness): Promise<[Slowness, number[]]> => [
      slowness,
      await Promise.all(
        Array.from({ length: each }, async (_, number) => {
          // not all in one moment, which would measure how fast connections are made
          await pause((number % 100) * 20)
          return live(port, beginningOf(slowness, key), /drips/.test(slowness), withinMs)
        }),
      ),
    ],
  )
  return Object.fromEntries(await Promise.all(lives)) as Record<Slowness, number[]>
}

const beginningOf = (slowness: Slowness, key: string | undefined): string =>
  key ? beginnings[slowness].replace('Host: a\r\n', `Host: a\r\nAuthorization: Bearer ${key}\r\n`) : beginnings[slowness]

function live(port: number, beginning: string, drips: boolean, withinMs: number): Promise<number> {
  return new Promise((resolve) => {
    const started = performance.now()
    let drip: NodeJS.Timeout | undefined
    const socket: Socket = connect(port, '127.0.0.1', () => {
      socket.write(beginning)
      if (drips) drip = setInterval(() => socket.write('a'), dripMs)
    })
    const end = (ms: number) => {
      clearInterval(drip)
      clearTimeout(patience)
      socket.destroy()
      resolve(ms)
    }
    const patience = setTimeout(() => end(Number.POSITIVE_INFINITY), withinMs)
    // what is answered must be read, or the end of the connection is never seen
    socket.on('error', () => {}).resume()
    socket.once('close', () => end(performance.now() - started))
  })
}

/** Times of requests one after the other, as a healthy client has them. */
export async function timeHealthy({ port, key, until }: { port: number; key: string; until: () => boolean }): Promise<number[]> {
  const wire = createWire(port)
  const body = '{"type":"fuzz.healthy"}'
  const request = Buffer.from(
    `POST /events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
  const times: number[] = []
  while (!until()) {
    const started = performance.now()
    const { replies } = await wire.exchange(request, 20_000)
    if (replies[0]?.status !== 202) throw new Error(`a healthy client was answered ${replies[0]?.status ?? 'nothing'}`)
    times.push(performance.now() - started)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  wire.drop()
  return times
}

export function quantile(times: number[], share: number): number {
  const sorted = times.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
