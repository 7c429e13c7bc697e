import { setTimeout as pause } from 'node:timers/promises'
import { atMost, none, type Scenario } from '../../chaos/scenario.ts'
import { compare } from '../compare.ts'
import { waitingFor } from '../parked.ts'
import { withTown } from '../town.ts'

const rate = 400

export const comesBack: Scenario = {
  name: 'I3',
  title: 'a dead webhook comes back, and 20,000 deliveries wait for it',
  seconds: 50,
  shortSeconds: 6,
  run: ({ random, seconds, short, say }) =>
    withTown({ random, short, count: 50, webhook: (n) => (n === 0 ? { rate_limit: rate, timeout_ms: 1_000 } : {}) }, async (town) => {
      const { system, webhooks, live, flood, posts } = town
      const backlog = short ? 1_000 : 20_000
      const [dead, ...others] = webhooks as [(typeof webhooks)[0], ...typeof webhooks]
      const pick = () => random.pick(others)
      const healthy = () => true
      const succeeded = {
        and: [
          { field: 'webhook_id', op: 'eq', value: dead.id },
          { field: 'status', op: 'eq', value: 'succeeded' },
        ],
      }
      const before = await live({ seconds: seconds / 2, pick, healthy })
      const succeededBefore = await system.api.count(succeeded as never)
      const done = async () => (await system.api.count(succeeded as never)) - succeededBefore
      dead.behave = () => ({ answer: 'hang', afterMs: 0 })
      say(`${backlog} deliveries to one that hangs`)
      await flood(dead, backlog)
      // all but those that were under way when the breaker opened, and are to be tried again: none of the flood is still on its way
      for (let waited = 0; waited < 120_000 && (await waitingFor(system, dead.id)) < backlog - 200; waited += 500) await pause(500)
      const waiting = await waitingFor(system, dead.id)
      dead.behave = () => ({ answer: 200, afterMs: 5 })
      // as an operator does who has mended it; else the breaker finds out by itself, within five minutes
      await system.api.patchWebhook(dead.id, { label: 'back' })
      say(`${waiting} wait; it is back`)
      const backAt = Date.now()
      const beside = await live({ seconds, pick, healthy })
      for (let waited = 0; waited < 180_000 && (await done()) < backlog; waited += 1_000) await pause(1_000)
      const left = backlog - (await done())
      say('it has them all')
      const after = await live({ seconds: seconds / 2, pick, healthy })
      const { goals, figures } = compare({ alone: [before, after], beside: [beside] }, { most: 1.5, short })
      const times = posts()
        .filter(({ sink, at }) => sink === dead.name && at >= backAt)
        .map(({ at }) => Math.floor((at - backAt) / 1_000))
      const counts = new Map<number, number>()
      for (const second of times) counts.set(second, (counts.get(second) ?? 0) + 1)
      const perSecond = Math.max(0, ...counts.values())
      // what may go at once is one second's worth; a second that begins in its midst may see it and its own
      const own = [atMost('its own requests in any second', perSecond, 2 * rate), none('not delivered', left)]
      return { goals: [...goals, ...own], figures: { ...figures, waiting, perSecond } }
    }),
}
