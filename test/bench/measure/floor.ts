import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nowUs, quantile, until } from '../clock.ts'
import { bodyText } from '../event.ts'
import { startFloor, type Floor } from '../floor/start.ts'
import { createPool, requestBytes, type Pool } from '../http.ts'
import { startEcho, type Sink } from '../peers.ts'
import { row, rowOfRounds, type Row } from '../row.ts'
import { connections } from '../tidings.ts'
import { drainBare } from './drain.ts'
import { warmUpOf, withBoth, type Scale } from './with.ts'

const perSecond = 200

/** Rates a second, and microseconds until the receiver had it, through the peers and through the floor. */
type Round = { echo: number; accept: number; bare: number; drain: number; latency: { bare: number[]; floor: number[] } }

/**
 * How near to the peers anybody comes who uses the same libraries, commits what is accepted to disk and keeps a log of
 * what is sent, and does nothing else. No goals: it says what of a ratio is the machine's and the libraries'.
 */
export async function floor({ quick, rounds, deployment, say }: Scale): Promise<Row[]> {
  const [count, seconds] = quick ? [4_000, 3] : [20_000, 8]
  const folder = await mkdtemp(join(tmpdir(), 'tidings-floor-'))
  try {
    return await withBoth({ deployment, dispatchers: 0 }, async ({ stage, sink, bare }) => {
      const [least, echo] = await Promise.all([startFloor(stage.redisServer.url, sink, folder), startEcho()])
      const [toFloor, toEcho] = [poster(least.url), poster(echo.url)]
      const measure = async (events: number): Promise<Round> => ({
        echo: await rate(events, () => toEcho.closedLoop(events)),
        accept: await accepted(least, toFloor, sink, events),
        bare: await drainBare(bare, sink, events),
        drain: await drained(least, sink, events),
        latency: {
          bare: await latency(sink, seconds, () => bare.addAtRate(perSecond, seconds)),
          floor: await latency(sink, seconds, () => toFloor.openLoop(perSecond, seconds)),
        },
      })
      try {
        await measure(warmUpOf(quick))
        const all: Round[] = []
        for (let n = 0; n < rounds; n++) {
          const round = await measure(count)
          all.push(round)
          say(`round ${n + 1} of ${rounds}: accepts ${round.accept.toFixed(0)}/s, drains ${round.drain.toFixed(0)}/s`)
        }
        return rowsOf(all)
      } finally {
        await Promise.all([least.stop(), echo.stop()])
      }
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const parts = { name: 'floor', notes: 'the least that commits to disk and keeps a log, in the place of Tidings' }

function rowsOf(all: Round[]): Row[] {
  const rates = (of: 'echo' | 'accept' | 'bare' | 'drain') => all.map((round) => round[of])
  const ms = (of: 'bare' | 'floor', share: number) =>
    quantile(
      all.flatMap((round) => round.latency[of]),
      share,
    ) / 1_000
  const late = (name: string, share: number) =>
    row({
      ...parts,
      what: `sent to it → receiver has it, ${name}`,
      unit: 'ms',
      peerName: 'bare',
      value: ms('floor', share),
      peer: ms('bare', share),
    })
  return [
    rowOfRounds(
      { ...parts, what: 'events accepted, on disk and in the queue', unit: '/s', peerName: 'echo' },
      rates('accept'),
      rates('echo'),
    ),
    rowOfRounds({ ...parts, what: 'deliveries of a backlog, all in a log', unit: '/s', peerName: 'bare' }, rates('drain'), rates('bare')),
    late('p50', 0.5),
    late('p99', 0.99),
  ]
}

type Poster = { closedLoop(events: number): Promise<void>; openLoop(perSecond: number, seconds: number): Promise<unknown> }

function poster(url: string): Poster {
  const pool: Pool = createPool([url], connections)
  const request = () => requestBytes(`${url}/events`, { 'content-type': 'application/json' }, bodyText(nowUs()))
  return {
    closedLoop: (events) => pool.closedLoop(events, request),
    openLoop: (each, seconds) => pool.openLoop(each, seconds, request),
  }
}

async function rate(count: number, work: () => Promise<unknown>): Promise<number> {
  const startedAt = nowUs()
  await work()
  return count / ((nowUs() - startedAt) / 1e6)
}

/** Until the last has its job; they are delivered afterwards. */
async function accepted(least: Floor, client: Poster, sink: Sink, count: number): Promise<number> {
  await least.sender.pause()
  const delivered = await deliveryOf(least, sink, count)
  const perSecondAccepted = await rate(count, async () => {
    await client.closedLoop(count)
    await until(`${count} events have their jobs`, async () => (await least.waiting()) >= count)
  })
  await least.sender.resume()
  await delivered()
  return perSecondAccepted
}

/** As `drain` measures ours: from the first request until the last is in the log. */
async function drained(least: Floor, sink: Sink, count: number): Promise<number> {
  await least.sender.pause()
  await least.sender.fill(count)
  const delivered = await deliveryOf(least, sink, count)
  await least.sender.resume()
  const firstAt = await delivered()
  return count / ((nowUs() - firstAt) / 1e6)
}

/** Begins to count; what it gives waits until so many are delivered and in the log, and says when the first came. */
async function deliveryOf(least: Floor, sink: Sink, count: number): Promise<() => Promise<number>> {
  const before = await least.recorded()
  await sink.reset()
  return async () => {
    const { firstAt } = await sink.expect(count)
    await until('all outcomes are in the log', async () => (await least.recorded()) >= before + count)
    return firstAt
  }
}

async function latency(sink: Sink, seconds: number, send: () => Promise<unknown>): Promise<number[]> {
  await sink.reset({ latencies: true })
  await send()
  return (await sink.expect(perSecond * seconds)).latencies ?? []
}
