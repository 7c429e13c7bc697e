import { createApiKey, hashApiKey } from '../../../shared/id.ts'
import { percentile } from '../../chaos/goals.ts'
import { atMost, holds, type Scenario } from '../../chaos/scenario.ts'
import { withTown, type Town } from '../town.ts'

const quota = 50

/** Asks at a steady rate, and notes how each was answered and after how long. */
async function ask(town: Town, key: string, perSecond: number, seconds: number): Promise<{ status: number; ms: number }[]> {
  const answers: Promise<{ status: number; ms: number }>[] = []
  const startedAt = performance.now()
  const body = JSON.stringify({ type: 'flood.changed', data: {} })
  for (let asked = 0; asked < perSecond * seconds; ) {
    for (const due = Math.min(perSecond * seconds, ((performance.now() - startedAt) / 1_000) * perSecond); asked < due; asked++) {
      const from = performance.now()
      const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
      answers.push(
        fetch(`${town.system.ingest.url}/events`, { method: 'POST', body, headers }).then(async (response) => {
          await response.arrayBuffer()
          return { status: response.status, ms: performance.now() - from }
        }),
      )
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return Promise.all(answers)
}

export const flood: Scenario = {
  name: 'I4',
  title: 'one organization publishes 20 times its quota',
  seconds: 30,
  shortSeconds: 6,
  run: ({ random, seconds, say }) =>
    withTown({ random, count: 2 }, async (town) => {
      const { storage, key } = town.system
      const flooding = createApiKey()
      const row = { id: 'flood', organizationId: 'flooding', label: 'flood', scopes: ['ingest' as const], createdAt: Date.now() }
      await storage.keys.create({ ...row, expiresAt: null, lastUsedAt: null, rateLimit: quota }, hashApiKey(flooding))
      await ask(town, key, 100, 2)
      const alone = await ask(town, key, 100, seconds)
      say('one floods')
      const [beside, theirs] = await Promise.all([ask(town, key, 100, seconds), ask(town, flooding, 20 * quota, seconds)])
      const p99 = (list: { ms: number }[]) =>
        percentile(
          list.map(({ ms }) => ms),
          0.99,
        )
      const refused = (list: { status: number }[]) => list.filter(({ status }) => status !== 202).length
      const others = [...alone, ...beside]
      return {
        goals: [
          atMost("p99 of the others' accepts, beside ÷ alone", p99(beside) / p99(alone), 1.3),
          holds('others refused', '0', refused(others), refused(others) === 0),
          holds(
            'the flood is answered 202 and 429 alone',
            'yes',
            theirs.every(({ status }) => status === 202 || status === 429) ? 'yes' : 'no',
            theirs.every(({ status }) => status === 202 || status === 429),
          ),
          atMost('of the flood accepted a second', (theirs.length - refused(theirs)) / seconds, 2 * quota),
        ],
        figures: { alone: p99(alone), beside: p99(beside), flood: theirs.length, floodRefused: refused(theirs) },
      }
    }),
}
