import type { Scenario } from '../../chaos/scenario.ts'
import { compare } from '../compare.ts'
import { withTown } from '../town.ts'

export const oneHangs: Scenario = {
  name: 'I1',
  title: '100 webhooks, one of which hangs with a tenth of the traffic',
  seconds: 30,
  shortSeconds: 3,
  run: ({ random, seconds, short, say }) =>
    withTown({ random, short, count: 100 }, async ({ webhooks, live }) => {
      const [dead, ...others] = webhooks as [(typeof webhooks)[0], ...typeof webhooks]
      const healthy = (webhook: { n: number }) => webhook.n !== 0
      const pick = () => (random.next() < 0.1 ? dead : random.pick(others))
      say('all are well')
      const alone = await live({ seconds, pick, healthy })
      dead.behave = () => ({ answer: 'hang', afterMs: 0 })
      say('one hangs')
      const beside = await live({ seconds, pick, healthy })
      return compare(alone, beside, { most: 1.2, short })
    }),
}
