import { nowUs, until } from '../clock.ts'
import { startEcho } from '../peers.ts'
import { createPool, requestBytes } from '../http.ts'
import { rowOfRounds, type Row } from '../row.ts'
import type { Stage } from '../stage.ts'
import { connections, usualEvent, webhooksAt } from '../tidings.ts'
import { warmUpOf, withStage, type Scale } from './with.ts'

const batch = 100

/** Nobody delivers here: what is accepted is matched, stored and put into the queue. */
export async function ingest({ quick, rounds, deployment, say }: Scale): Promise<Row[]> {
  const count = quick ? 4_000 : 10_000
  return withStage({ deployment, dispatchers: 0 }, async (stage, sink) => {
    await stage.tidings.createWebhooks(webhooksAt(sink.url))
    const echo = await startEcho()
    const pool = createPool([echo.url], connections)
    try {
      const [ours, peer]: [number[], number[]] = [[], []]
      const toEcho = async (n: number) => {
        const startedAt = nowUs()
        await pool.closedLoop(n, () => requestBytes(`${echo.url}/events`, { 'content-type': 'application/json' }, usualEvent()))
        return n / ((nowUs() - startedAt) / 1e6)
      }
      await toEcho(warmUpOf(quick))
      await single(stage, warmUpOf(quick))
      for (let n = 0; n < rounds; n++) {
        peer.push(await toEcho(count))
        ours.push((await single(stage, count)).fannedOut)
        say(`round ${n + 1} of ${rounds}: echo ${peer.at(-1)?.toFixed(0)}/s, Tidings ${ours.at(-1)?.toFixed(0)}/s`)
      }
      const what = 'events accepted, on disk and in the queue'
      const notes = `one a request, ${connections} connections, until the last of them has its job in the queue`
      return [rowOfRounds({ name: 'ingest', what, unit: '/s', peerName: 'echo', goal: { of: 'ratio', least: 0.35 }, notes }, ours, peer)]
    } finally {
      await echo.stop()
    }
  })
}

export async function ingestBatch({ quick, rounds, deployment, say }: Scale): Promise<Row[]> {
  const count = quick ? 4_000 : 10_000
  return withStage({ deployment, dispatchers: 0 }, async (stage, sink) => {
    await stage.tidings.createWebhooks(webhooksAt(sink.url))
    const [ours, peer, fannedOut]: [number[], number[], number[]] = [[], [], []]
    await single(stage, warmUpOf(quick))
    await batches(stage, warmUpOf(quick))
    for (let n = 0; n < rounds; n++) {
      peer.push((await single(stage, count)).fannedOut)
      const measured = await batches(stage, count * 2)
      ours.push(measured.accepted)
      fannedOut.push(measured.fannedOut)
      say(`round ${n + 1} of ${rounds}: one a request ${peer.at(-1)?.toFixed(0)}/s, ${batch} a request ${ours.at(-1)?.toFixed(0)}/s`)
    }
    const what = `events accepted, ${batch} a request`
    const notes = `until the last answer; until the last of them has its job ${Math.max(...fannedOut).toFixed(0)}/s at best`
    return [rowOfRounds({ name: 'ingest-batch', what, unit: '/s', peerName: 'ingest', goal: { of: 'ratio', least: 3 }, notes }, ours, peer)]
  })
}

const single = (stage: Stage, count: number) => accepted(stage, count, 1)
const batches = (stage: Stage, count: number) => accepted(stage, count, batch)

/** Events a second until the last 202, and until the last of them is in the queue. */
async function accepted({ tidings }: Stage, count: number, perRequest: number): Promise<{ accepted: number; fannedOut: number }> {
  const before = await tidings.waiting()
  const startedAt = nowUs()
  const make = perRequest === 1 ? usualEvent : () => `[${Array.from({ length: perRequest }, () => usualEvent()).join(',')}]`
  await tidings.ingest.closedLoop(count / perRequest, () => tidings.eventRequest(make()))
  const acceptedUs = nowUs() - startedAt
  await until(`${count} events are in the queue`, async () => (await tidings.waiting()) >= before + count)
  return { accepted: count / (acceptedUs / 1e6), fannedOut: count / ((nowUs() - startedAt) / 1e6) }
}
