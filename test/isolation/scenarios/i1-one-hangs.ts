import type { Scenario } from '../../chaos/scenario.ts'
import { compare } from '../compare.ts'
import { mend } from '../mend.ts'
import { withTown } from '../town.ts'

export const oneHangs: Scenario = {
  name: 'I1',
  title: '100 webhooks, one of which hangs with a tenth of the traffic',
  seconds: 30,
  shortSeconds: 3,
  run: ({ random, seconds, short, say }) =>
    withTown({ random, short, count: 100 }, async ({ system, webhooks, live }) => {
      const [dead, ...others] = webhooks as [(typeof webhooks)[0], ...typeof webhooks]
      const healthy = (webhook: { n: number }) => webhook.n !== 0
      const pick = () => (random.next() < 0.1 ? dead : random.pick(others))
      say('all are well')
      const before = await live({ seconds: seconds / 2, pick, healthy })
      dead.behave = () => ({ answer: 'hang', afterMs: 0 })
      say('one hangs')
      const beside = await live({ seconds, pick, healthy })
      say('it is well again')
      await mend(system, [dead])
      const after = await live({ seconds: seconds / 2, pick, healthy })
      return compare([...before, ...after], beside, { most: 1.2, short })
    }),
}
