import { eventText } from '../event.ts'
import { row, type Row } from '../row.ts'
import type { Sink } from '../peers.ts'
import { startBare } from '../peers.ts'
import type { Stage } from '../stage.ts'
import { usualEvent, webhooksAt } from '../tidings.ts'
import { canMeasureUsage, rssBytes } from '../usage.ts'
import { recorded } from './drain.ts'
import { withStage, type Scale } from './with.ts'

const fanOut = 10
const eventBytes = 4_096

export async function memory(scale: Scale & { deliveries?: number }): Promise<Row[]> {
  const rows = [await inRedis(scale)]
  if (canMeasureUsage) rows.push(...(await resident(scale)))
  return rows
}

/** What Redis holds more once so many deliveries wait in it. */
async function inRedis({ quick }: Scale): Promise<Row> {
  const deliveries = quick ? 5_000 : 20_000
  return withStage({ dispatchers: 0 }, async (stage, sink) => {
    const { tidings } = stage
    await tidings.createWebhooks(Array.from({ length: fanOut }, (_, n) => ({ url: `${sink.url}/${n}`, subscription: { event_type: '*' } })))
    const make = () => eventText({ webhooks: fanOut, bytes: eventBytes })
    const bare = await startBare(stage.redisServer.url, sink, { workers: 0 })
    try {
      // the queue's own keys, scripts and connections are there before it is measured
      await tidings.fill(10, make, 10 * fanOut)
      await bare.fillIds(100)
      const peer = await grown(stage, () => bare.fillIds(deliveries))
      const ours = await grown(stage, () => tidings.fill(deliveries / fanOut, make, deliveries))
      return row({
        name: 'memory',
        what: 'Redis of a pending delivery',
        value: ours / deliveries,
        peer: peer / deliveries,
        unit: 'bytes',
        peerName: 'bare, ids alone',
        goal: { of: 'ratio', most: 1.8 },
        notes: `events of ${eventBytes} bytes to ${fanOut} webhooks each; the body counts in`,
      })
    } finally {
      await bare.stop()
    }
  })
}

async function grown(stage: Stage, fill: () => Promise<void>): Promise<number> {
  const before = await usedMemory(stage)
  await fill()
  return (await usedMemory(stage)) - before
}

const usedMemory = async ({ redisServer }: Stage) => Number(/^used_memory:(\d+)/m.exec(await redisServer.ask('INFO', 'memory'))?.[1])

/** Shares of the run: what grows with the first part is warming up, what grows from there to the end is kept. */
const parts = 10
const warmAfter = 4

async function resident({ quick, deliveries: wanted, say }: Scale & { deliveries?: number }): Promise<Row[]> {
  const deliveries = wanted ?? (quick ? 10_000 : 100_000)
  return withStage({}, async (stage, sink) => {
    await stage.tidings.createWebhooks(webhooksAt(sink.url))
    const processes = { ingest: stage.ingest.pid, dispatcher: stage.dispatchers[0]?.pid ?? 0, status: stage.status.pid }
    const samples: Record<string, number[]> = { ingest: [], dispatcher: [], status: [] }
    await sink.reset()
    for (let part = 1; part <= parts; part++) {
      await publish(stage, sink, ((part - 1) * deliveries) / parts, (part * deliveries) / parts)
      for (const [name, pid] of Object.entries(processes)) samples[name]?.push(rssBytes(pid) / 1_048_576)
      say(
        `${(part * deliveries) / parts} deliveries: ${Object.keys(processes)
          .map((name) => `${name} ${samples[name]?.at(-1)?.toFixed(0)} MiB`)
          .join(', ')}`,
      )
    }
    return Object.entries(samples).map(([name, sizes]) => flatness(name, sizes, deliveries))
  })
}

const perStep = 2_000

/** Events follow each other, but the backlog stays short. */
async function publish({ tidings, ...stage }: Stage, sink: Sink, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at += perStep) {
    const count = Math.min(perStep, to - at)
    await tidings.ingest.closedLoop(count / 100, () =>
      tidings.eventRequest(`[${Array.from({ length: 100 }, () => usualEvent()).join(',')}]`),
    )
    await sink.expect(at + count)
  }
  await recorded({ tidings, ...stage })
}

function flatness(name: string, sizes: number[], deliveries: number): Row {
  const [warm, end] = [Math.max(...sizes.slice(0, warmAfter)), Math.max(...sizes.slice(warmAfter))]
  return row({
    name: 'memory',
    what: `RSS of ${name} after ${deliveries} deliveries`,
    value: end,
    peer: warm,
    unit: 'MiB',
    peerName: `in the first ${(deliveries * warmAfter) / parts}`,
    goal: { of: 'ratio', most: 1.15 },
  })
}
