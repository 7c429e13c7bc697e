import { expect, it } from 'vitest'
import { openQueue } from '../../shared/queue.ts'
import { anEvent } from '../support/builders.ts'
import { eventually } from '../support/eventually.ts'
import { withSystem, type System } from '../support/system.ts'

/** Small, so that one dispatcher waits for its receivers and not for a core of the machine. */
const concurrency = 2
const answerMs = 100
const backlog = 160
const patienceMs = 90_000

it(
  'works a backlog off at least 3.5 times as fast with 4 dispatchers as with 1',
  () =>
    withSystem({ dispatchers: 0, settings: { CONCURRENCY: String(concurrency) } }, async (system) => {
      system.receiver.reply({ status: 200, afterMs: answerMs })
      const { id } = await system.api.createWebhook({ url: system.receiver.url })
      await system.api.subscribe(id, '*')

      await system.addDispatcher()
      await workOff(system, concurrency * 10)
      const alone = await least(() => workOff(system, backlog))
      await Promise.all([system.addDispatcher(), system.addDispatcher(), system.addDispatcher()])
      await workOff(system, concurrency * 40)
      const together = await least(() => workOff(system, backlog))

      const ratio = alone / together
      process.stdout.write(
        `${backlog} deliveries: ${Math.round(alone)} ms with 1 dispatcher, ${Math.round(together)} ms with 4, ${ratio.toFixed(2)} times as fast\n`,
      )
      expect(ratio).toBeGreaterThanOrEqual(3.5)
    }),
  patienceMs * 2,
)

/** As many for one as for four, whatever comes of them: of each the one that other programs disturbed least. */
const measurements = 3
async function least(measure: () => Promise<number>): Promise<number> {
  let found = Number.POSITIVE_INFINITY
  for (let n = 0; n < measurements; n++) found = Math.min(found, await measure())
  return found
}

/** Makes a backlog while the queue is paused, lets it go. @returns milliseconds from the first request to the last answer */
async function workOff({ api, receiver, redis }: System, count: number): Promise<number> {
  const { bull: queue, close } = openQueue({ url: redis.url, prefix: '{tidings}' }, () => {})
  const from = receiver.requests.length
  await queue.pause()
  for (let made = 0; made < count; made += 100) await api.publish(Array.from({ length: Math.min(100, count - made) }, () => anEvent()))
  await eventually(async () => expect(await queue.getJobCountByTypes('waiting')).toBe(count), patienceMs)

  await queue.resume()
  await eventually(() => expect(receiver.requests.length).toBe(from + count), patienceMs)
  await close()
  return (receiver.requests[from + count - 1]?.at ?? 0) - (receiver.requests[from]?.at ?? 0) + answerMs
}
