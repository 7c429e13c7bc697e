import type { Scenario } from '../../chaos/scenario.ts'
import { compare } from '../compare.ts'
import { withTown } from '../town.ts'

export const oneHangs: Scenario = {
  name: 'I1',
  title: '100 webhooks, one of which hangs with a tenth of the traffic',
  seconds: 30,
  shortSeconds: 8,
  run: ({ random, seconds, say }) =>
    withTown({ random, count: 100 }, async ({ webhooks, live }) => {
      const [dead, ...others] = webhooks as [(typeof webhooks)[0], ...typeof webhooks]
      const healthy = (webhook: { n: number }) => webhook.n !== 0
      const pick = () => (random.next() < 0.1 ? dead : random.pick(others))
      await live({ seconds: 2, pick, healthy })
      say('all are well')
      const alone = await live({ seconds, pick, healthy })
      dead.behave = () => ({ answer: 'hang', afterMs: 0 })
      say('one hangs')
      const beside = await live({ seconds, pick, healthy })
      return compare(alone, beside, 1.2)
    }),
}
