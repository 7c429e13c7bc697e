import { nowUs, quantile } from '../clock.ts'
import { row, type Row } from '../row.ts'
import { connections, usualEvent } from '../tidings.ts'
import { throughStage as throughAll } from './pipeline.ts'
import { withBoth, type Scale } from './with.ts'

const perSecond = 200
const warmUp = 3_000

/** An open loop: the next event is sent when its time has come, whatever became of the last. */
export async function latency({ quick, rounds, deployment, say }: Scale): Promise<Row[]> {
  const seconds = quick ? 3 : 8
  return withBoth({ deployment }, async ({ stage, sink, bare }) => {
    const [ours, peer, accepted]: [number[], number[], number[]] = [[], [], []]
    const measure = async (into: number[], length: number, send: () => Promise<unknown>) => {
      await sink.reset({ latencies: true })
      await send()
      into.push(...((await sink.expect(perSecond * length)).latencies ?? []))
    }
    const throughBare = (into: number[], length: number) => measure(into, length, () => bare.addAtRate(perSecond, length))
    const throughStage = (into: number[], length: number) => {
      const { ingest, eventRequest } = stage.tidings
      return measure(into, length, async () =>
        accepted.push(...(await ingest.openLoop(perSecond, length, () => eventRequest(usualEvent(nowUs()))))),
      )
    }
    // what is measured is a process that has been running: at 200 a second its code would still be cold after minutes
    await sink.reset()
    await bare.add(warmUp, connections)
    await sink.expect(warmUp)
    await throughAll(stage, sink, warmUp)
    await throughBare([], 1)
    await throughStage([], 2)
    accepted.length = 0
    for (let n = 0; n < rounds; n++) {
      await throughBare(peer, seconds)
      await throughStage(ours, seconds)
      say(`round ${n + 1} of ${rounds}: p50 so far bare ${ms(peer, 0.5).toFixed(2)} ms, Tidings ${ms(ours, 0.5).toFixed(2)} ms`)
    }
    const parts = (name: string, share: number, most: number) =>
      row({
        name: 'latency',
        what: `sent to Tidings → receiver has it, ${name}`,
        value: ms(ours, share),
        peer: ms(peer, share),
        unit: 'ms',
        peerName: 'bare',
        goal: { of: 'ratio', most },
        notes: `${name} of the 202 alone ${ms(accepted, share).toFixed(2)} ms; bare from its call of add`,
      })
    return [parts('p50', 0.5, 2.5), parts('p99', 0.99, 2)]
  })
}

const ms = (us: number[], share: number) => quantile(us, share) / 1000
