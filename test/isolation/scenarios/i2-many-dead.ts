import type { Behaviour } from '../../chaos/sinks.ts'
import { atMost, type Scenario } from '../../chaos/scenario.ts'
import { compare } from '../compare.ts'
import { mend } from '../mend.ts'
import { requeues } from '../parked.ts'
import { withTown } from '../town.ts'

const kinds: Behaviour[] = [
  () => ({ answer: 'hang', afterMs: 0 }),
  () => ({ answer: 'reset', afterMs: 5 }),
  () => ({ answer: 500, afterMs: 5 }),
  () => ({ answer: 200, afterMs: 6_000 }),
]

export const manyDead: Scenario = {
  name: 'I2',
  title: '20 of 100 webhooks are dead, each in its way: they hang, break off, answer 500, answer too late',
  seconds: 30,
  shortSeconds: 6,
  run: ({ random, seconds, short, say }) =>
    withTown({ random, short, count: 100 }, async ({ system, webhooks, live }) => {
      const isDead = ({ n }: { n: number }) => n < 20
      const pick = () => random.pick(webhooks)
      const healthy = (webhook: { n: number }) => !isDead(webhook)
      say('all are well')
      const before = await live({ seconds: seconds / 2, pick, healthy })
      for (const webhook of webhooks.filter(isDead)) webhook.behave = kinds[webhook.n % kinds.length] as Behaviour
      say('20 are dead')
      const beside = await live({ seconds, pick, healthy })
      const { most, parked } = await requeues(
        system,
        webhooks.filter(isDead).map(({ id }) => id),
      )
      say('they are well again')
      await mend(system, webhooks.filter(isDead))
      const after = await live({ seconds: seconds / 2, pick, healthy })
      const { goals, figures } = compare([...before, ...after], beside, { most: 1.5, short })
      return { goals: [...goals, atMost('times that a parked job was taken up in vain', most, 3)], figures: { ...figures, parked } }
    }),
}
