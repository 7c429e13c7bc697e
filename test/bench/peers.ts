import { startChild } from './child.ts'
import type { Processes } from './usage.ts'

export type SinkReport = { count: number; firstAt: number; lastAt: number; latencies?: number[] }
export type Sink = {
  url: string
  pid: number
  reset(options?: { delayMs?: number; latencies?: boolean }): Promise<void>
  /** Resolves when so many requests have come since the last reset; rejects when they do not. */
  expect(count: number, withinMs?: number): Promise<SinkReport>
  report(): Promise<SinkReport>
  stop(): Promise<void>
}

export async function startSink(port = 0): Promise<Sink> {
  const child = await startChild('sink', [String(port)])
  const report = () => child.ask<SinkReport>('report')
  return {
    url: await child.ask<string>('url'),
    pid: child.pid,
    reset: (options = {}) => child.ask('reset', options),
    async expect(count, withinMs = 120_000) {
      const timer = new AbortController()
      const late = new Promise<never>((_, reject) => {
        const handle = setTimeout(
          () => void report().then(({ count: came }) => reject(new Error(`${came} of ${count} requests came within ${withinMs / 1000} s`))),
          withinMs,
        )
        timer.signal.addEventListener('abort', () => clearTimeout(handle))
      })
      await Promise.race([child.ask('expect', count), late]).finally(() => timer.abort())
      return report()
    },
    report,
    stop: () => child.stop(),
  }
}

export type Bare = {
  /** Its own; the Redis is another's. */
  processes(): Processes[]
  addWorker(): Promise<void>
  pause(): Promise<void>
  resume(): Promise<void>
  fill(count: number): Promise<void>
  add(count: number, together: number): Promise<void>
  addAtRate(perSecond: number, seconds: number): Promise<void>
  fillIds(count: number): Promise<void>
  stop(): Promise<void>
}

/** The least a BullMQ user could write, with so many workers; see bare.ts. With another prefix it is the floor's sender. */
export async function startBare(redisUrl: string, sink: Sink, { workers = 1, concurrency = 50, prefix = '{bare}' } = {}): Promise<Bare> {
  const adder = await startChild('bare', ['adder', redisUrl, prefix])
  const children = [adder]
  const addWorker = async () => void children.push(await startChild('bare', ['worker', redisUrl, prefix, sink.url, String(concurrency)]))
  for (let n = 0; n < workers; n++) await addWorker()
  return {
    processes() {
      const [adding, ...working] = children.map(({ pid }) => pid)
      return [
        { name: 'adding', pids: adding === undefined ? [] : [adding] },
        { name: 'worker', pids: working },
      ]
    },
    addWorker,
    pause: () => adder.ask('pause'),
    resume: () => adder.ask('resume'),
    fill: (count) => adder.ask('fill', count),
    add: (count, together) => adder.ask('add', count, together),
    addAtRate: (perSecond, seconds) => adder.ask('addAtRate', perSecond, seconds),
    fillIds: (count) => adder.ask('fillIds', count),
    stop: async () => void (await Promise.all(children.map((child) => child.stop()))),
  }
}

export type Echo = { url: string; stop(): Promise<void> }
export async function startEcho(): Promise<Echo> {
  const child = await startChild('echo')
  return { url: await child.ask<string>('url'), stop: () => child.stop() }
}
