import { row, type Row } from '../row.ts'
import { usualEvent, webhooksAt } from '../tidings.ts'
import { withStage, type Scale } from './with.ts'

const answerMs = 100
/** So few that eight processes wait for their receivers and not for a core of the machine. */
const concurrency = 5

/** Receivers that take their time: twice the dispatchers, twice the deliveries. */
export async function scale({ quick, say }: Scale): Promise<Row[]> {
  const seconds = quick ? 2 : 6
  return withStage({ dispatchers: 0, settings: { CONCURRENCY: String(concurrency) } }, async (stage, sink) => {
    await stage.tidings.createWebhooks(webhooksAt(sink.url))
    const rows: Row[] = []
    let alone = 0
    for (const count of [1, 2, 4, 8]) {
      while (stage.dispatchers.length < count) await stage.addDispatcher()
      const deliveries = count * concurrency * (1000 / answerMs) * seconds
      await stage.backlog.pause()
      await stage.tidings.fill(deliveries, usualEvent)
      await sink.reset({ delayMs: answerMs })
      await stage.backlog.resume()
      const { firstAt, lastAt } = await sink.expect(deliveries)
      const perSecond = deliveries / ((lastAt - firstAt) / 1e6 + answerMs / 1000)
      alone ||= perSecond
      say(`${count} dispatchers: ${perSecond.toFixed(0)}/s`)
      if (count === 1) continue
      const what = `receivers of ${answerMs} ms, ${count} dispatchers`
      const peer = alone * count
      rows.push(row({ name: 'scale', what, value: perSecond, peer, unit: '/s', peerName: 'linear', goal: { of: 'ratio', least: 0.9 } }))
    }
    return rows
  })
}
