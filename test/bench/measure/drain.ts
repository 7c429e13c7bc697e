import { nowUs, until } from '../clock.ts'
import type { Bare, Sink } from '../peers.ts'
import { rowOfRounds, type Row } from '../row.ts'
import type { Stage } from '../stage.ts'
import { usualEvent, usualWebhooks } from '../tidings.ts'
import { warmUpOf, withBoth, type Scale } from './with.ts'

export const drain = (scale: Scale): Promise<Row[]> => drainWith(1, 0.8, scale)
export const drain2 = (scale: Scale): Promise<Row[]> => drainWith(2, 0.75, scale)

/** A backlog that lies ready, worked off by so many processes, ours by those of the deployment where it says so: bare's and ours in turn. */
async function drainWith(workers: number, least: number, { quick, rounds, deployment, say }: Scale): Promise<Row[]> {
  const { dispatchers = workers } = deployment
  const count = quick ? 4_000 : 20_000
  return withBoth({ deployment, dispatchers, workers }, async ({ stage, sink, bare }) => {
    const [ours, peer]: [number[], number[]] = [[], []]
    await drainBare(bare, sink, warmUpOf(quick))
    await drainStage(stage, sink, warmUpOf(quick))
    for (let n = 0; n < rounds; n++) {
      peer.push(await drainBare(bare, sink, count))
      ours.push(await drainStage(stage, sink, count))
      say(`round ${n + 1} of ${rounds}: bare ${peer.at(-1)?.toFixed(0)}/s, Tidings ${ours.at(-1)?.toFixed(0)}/s`)
    }
    const goal = { of: 'ratio', least } as const
    const what = `deliveries of a backlog, ${dispatchers} dispatcher${dispatchers > 1 ? 's' : ''}`
    const notes = `${count} deliveries a round to ${usualWebhooks} webhooks; ours end when the last is in the log`
    return [rowOfRounds({ name: workers > 1 ? 'drain2' : 'drain', what, unit: '/s', peerName: 'bare', goal, notes }, ours, peer)]
  })
}

export async function drainBare(bare: Bare, sink: Sink, count: number): Promise<number> {
  await bare.pause()
  await bare.fill(count)
  await sink.reset()
  await bare.resume()
  const { firstAt, lastAt } = await sink.expect(count)
  return count / ((lastAt - firstAt) / 1e6)
}

/** From the first request to the last one, or to the last outcome in SQL, whichever comes later. */
export async function drainStage(stage: Stage, sink: Sink, count: number): Promise<number> {
  await stage.backlog.pause()
  await stage.tidings.fill(count, usualEvent)
  await sink.reset()
  await stage.backlog.resume()
  const { firstAt } = await sink.expect(count)
  await recorded(stage)
  return count / ((nowUs() - firstAt) / 1e6)
}

export const recorded = (stage: Stage): Promise<void> => until('all outcomes are in the log', async () => (await stage.unrecorded()) === 0)
