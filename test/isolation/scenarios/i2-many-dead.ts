import type { Behaviour } from '../../chaos/sinks.ts'
import { atMost, type Scenario } from '../../chaos/scenario.ts'
import { compare } from '../compare.ts'
import { mend } from '../mend.ts'
import { requeues } from '../parked.ts'
import { withTown } from '../town.ts'
import { inTurns } from '../turns.ts'

const kinds: Behaviour[] = [
  () => ({ answer: 'hang', afterMs: 0 }),
  () => ({ answer: 'reset', afterMs: 5 }),
  () => ({ answer: 500, afterMs: 5 }),
  () => ({ answer: 200, afterMs: 6_000 }),
]

export const manyDead: Scenario = {
  name: 'I2',
  title: '20 of 100 webhooks are dead, each in its way: they hang, break off, answer 500, answer too late',
  seconds: 40,
  shortSeconds: 6,
  run: ({ random, seconds, short, say }) =>
    withTown({ random, short, count: 100 }, async ({ system, webhooks, live }) => {
      const isDead = ({ n }: { n: number }) => n < 20
      const pick = () => random.pick(webhooks)
      const healthy = (webhook: { n: number }) => !isDead(webhook)
      const dead = webhooks.filter(isDead)
      const inVain: { most: number; parked: number }[] = []
      const turns = await inTurns({
        turns: short ? 1 : 2,
        seconds,
        alone: (seconds) => live({ seconds, pick, healthy }),
        async beside(seconds) {
          for (const webhook of dead) webhook.behave = kinds[webhook.n % kinds.length] as Behaviour
          say('20 are dead')
          const latencies = await live({ seconds, pick, healthy })
          inVain.push(
            await requeues(
              system,
              dead.map(({ id }) => id),
            ),
          )
          say('they are mended')
          await mend(system, dead)
          return latencies
        },
      })
      const most = Math.max(...inVain.map((turn) => turn.most))
      const parked = inVain.map((turn) => turn.parked)
      const { goals, figures } = compare(turns, { most: 1.5, short })
      return { goals: [...goals, atMost('times that a parked job was taken up in vain', most, 3)], figures: { ...figures, parked } }
    }),
}
