import { median, nowUs } from '../clock.ts'
import { eventText } from '../event.ts'
import { row, type Row } from '../row.ts'
import { webhooksAt } from '../tidings.ts'
import { drainStage, recorded } from './drain.ts'
import { warmUpOf, withStage, type Scale } from './with.ts'

/** One event that very many webhooks want. */
export async function fanout({ quick, rounds, deployment, say }: Scale): Promise<Row[]> {
  const count = quick ? 2_000 : 10_000
  return withStage({ deployment }, async (stage, sink) => {
    const { tidings } = stage
    const wide = Array.from({ length: count }, (_, n) => ({ url: `${sink.url}/wide/${n}`, subscription: { event_type: 'schema.changed' } }))
    await tidings.createWebhooks([...webhooksAt(sink.url), ...wide])
    await drainStage(stage, sink, warmUpOf(quick))
    const [answeredMs, ours, peer]: [number[], number[], number[]] = [[], [], []]
    for (let n = 0; n < rounds; n++) {
      peer.push(await drainStage(stage, sink, quick ? 3_000 : count))
      await sink.reset()
      const startedAt = nowUs()
      await tidings.ingest.closedLoop(1, () => tidings.eventRequest(eventText({ webhooks: 1, type: 'schema.changed' })))
      answeredMs.push((nowUs() - startedAt) / 1000)
      const { firstAt } = await sink.expect(count)
      await recorded(stage)
      ours.push(count / ((nowUs() - firstAt) / 1e6))
      say(`round ${n + 1} of ${rounds}: 202 after ${answeredMs.at(-1)?.toFixed(1)} ms, then ${ours.at(-1)?.toFixed(0)}/s`)
    }
    const what = `an event for ${count} webhooks`
    return [
      row({ name: 'fanout', what: `${what}: time to 202`, value: median(answeredMs), unit: 'ms', goal: { of: 'value', most: 50 } }),
      row({
        name: 'fanout',
        what: `${what}: deliveries after it`,
        value: median(ours),
        peer: median(peer),
        unit: '/s',
        peerName: 'drain',
        goal: { of: 'ratio', least: 0.9 },
        rounds: { ours, peer },
        ...(quick && { notes: '--quick: 2,000 webhooks, not 10,000' }),
      }),
    ]
  })
}
