import type { Scenario } from '../../chaos/scenario.ts'
import { compare } from '../compare.ts'
import { mend } from '../mend.ts'
import { withTown } from '../town.ts'
import { inTurns } from '../turns.ts'

export const oneHangs: Scenario = {
  name: 'I1',
  title: '100 webhooks, one of which hangs with a tenth of the traffic',
  seconds: 40,
  shortSeconds: 3,
  run: ({ random, seconds, short, say }) =>
    withTown({ random, short, count: 100 }, async ({ system, webhooks, live }) => {
      const [dead, ...others] = webhooks as [(typeof webhooks)[0], ...typeof webhooks]
      const healthy = (webhook: { n: number }) => webhook.n !== 0
      const pick = () => (random.next() < 0.1 ? dead : random.pick(others))
      const turns = await inTurns({
        turns: short ? 1 : 2,
        seconds,
        alone: (seconds) => live({ seconds, pick, healthy }),
        async beside(seconds) {
          dead.behave = () => ({ answer: 'hang', afterMs: 0 })
          say('one hangs')
          const latencies = await live({ seconds, pick, healthy })
          say('it is mended')
          await mend(system, [dead])
          return latencies
        },
      })
      return compare(turns, { most: 1.2, short })
    }),
}
