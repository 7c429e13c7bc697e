import { setTimeout as pause } from 'node:timers/promises'
import { atLeast, type Scenario } from '../../chaos/scenario.ts'
import { compare } from '../compare.ts'
import { rewriteQueueFile } from '../queue-file.ts'
import { withTown } from '../town.ts'
import { inTurns } from '../turns.ts'

export const redelivery: Scenario = {
  name: 'I5',
  title: '50,000 deliveries are sent again at once',
  seconds: 120,
  shortSeconds: 5,
  run: ({ random, seconds, short, say }) =>
    withTown({ random, short, count: 50 }, async ({ system, webhooks, live, flood }) => {
      const many = short ? 2_000 : 50_000
      const [old, ...others] = webhooks as [(typeof webhooks)[0], ...typeof webhooks]
      old.behave = () => ({ answer: 200, afterMs: 2 })
      const pick = () => random.pick(others)
      const healthy = () => true
      say(`${many} events first`)
      await flood(old, many)
      const ofOld = { field: 'webhook_id', op: 'eq', value: old.id }
      const succeeded = { and: [ofOld, { field: 'status', op: 'eq', value: 'succeeded' }] }
      for (let waited = 0; (await system.api.count(succeeded as never)) < many; waited += 1_000) {
        if (waited > 180_000) throw new Error('what is to be sent again was not delivered within three minutes')
        await pause(1_000)
      }
      await rewriteQueueFile(system)
      const open = { and: [ofOld, { field: 'status', op: 'in', value: ['pending', 'retrying'] }] }
      let redelivered = 0
      const turns = await inTurns({
        turns: short ? 1 : 12,
        seconds,
        alone: (seconds) => live({ seconds, pick, healthy }),
        async beside(seconds) {
          const { id } = await system.api.redeliverAll(succeeded as never)
          say('all of them again')
          const latencies = await live({ seconds, pick, healthy })
          redelivered += (await system.api.stopRedelivery(id)).redelivered
          say('no more of them')
          for (let waited = 0; (await system.api.count(open as never)) > 0; waited += 500) {
            if (waited > 60_000) throw new Error('what was sent again is not delivered a minute after the last of it was opened')
            await pause(500)
          }
          return latencies
        },
      })
      const { goals, figures } = compare(turns, { most: 1.3, short })
      // with nothing sent again meanwhile there would have been nothing to be delayed by
      return {
        goals: [...goals, atLeast('opened again meanwhile', redelivered, short ? many / 50 : many / 25)],
        figures: { ...figures, redelivered },
      }
    }),
}
