import { nowUs } from '../clock.ts'
import { bodyText } from '../event.ts'
import { createPool, requestBytes } from '../http.ts'
import { startSink } from '../peers.ts'
import { row, type Row } from '../row.ts'
import type { Scale } from './with.ts'

/** How many requests a second the sink can take: far more than any sender makes, or the sink would be what is measured. */
export async function sinkAlone({ quick }: Scale): Promise<Row[]> {
  const count = quick ? 20_000 : 60_000
  const sink = await startSink()
  try {
    const pool = createPool([sink.url], 50)
    const request = requestBytes(`${sink.url}/webhooks/1`, { 'content-type': 'application/json' }, bodyText())
    await pool.closedLoop(5_000, () => request)
    const startedAt = nowUs()
    await pool.closedLoop(count, () => request)
    const value = count / ((nowUs() - startedAt) / 1e6)
    return [row({ name: 'sink', what: 'requests the sink takes from one plain client', value, unit: '/s' })]
  } finally {
    await sink.stop()
  }
}
