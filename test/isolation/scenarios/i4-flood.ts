import { Worker } from 'node:worker_threads'
import { createApiKey, hashApiKey } from '../../../shared/id.ts'
import { percentile } from '../../chaos/goals.ts'
import { atMost, holds, type Scenario } from '../../chaos/scenario.ts'
import { ask, type Asked, type Asking } from '../asking.ts'
import { p99Goal } from '../compare.ts'
import { withTown } from '../town.ts'

const quota = 50

const floodWith = (asking: Asking): Promise<Asked[]> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL('../flooder.js', import.meta.url), { workerData: asking })
    worker.once('message', resolve)
    worker.once('error', reject)
  })

export const flood: Scenario = {
  name: 'I4',
  title: 'one organization publishes 20 times its quota',
  seconds: 30,
  shortSeconds: 4,
  run: ({ random, seconds, short, say }) =>
    withTown({ random, short, count: 2 }, async (town) => {
      const { storage, key, ingest } = town.system
      const usual = { url: ingest.url, key, perSecond: 100 }
      const flooding = createApiKey()
      const row = { id: 'flood', organizationId: 'flooding', label: 'flood', scopes: ['ingest' as const], createdAt: Date.now() }
      await storage.keys.create({ ...row, expiresAt: null, lastUsedAt: null, rateLimit: quota }, hashApiKey(flooding))
      await ask({ ...usual, seconds: 2 })
      const [alone, beside, theirs]: [Asked[], Asked[], Asked[]] = [[], [], []]
      // in turns: what the machine does meanwhile then falls on both
      const rounds = short ? 1 : 3
      for (let round = 0; round < rounds; round++) {
        alone.push(...(await ask({ ...usual, seconds: seconds / rounds / 2 })))
        say('one floods')
        const both = [
          ask({ ...usual, seconds: seconds / rounds }),
          floodWith({ ...usual, key: flooding, perSecond: 20 * quota, seconds: seconds / rounds }),
        ] as const
        const [ours, floods] = await Promise.all(both)
        beside.push(...ours)
        theirs.push(...floods)
        say('it is quiet')
        alone.push(...(await ask({ ...usual, seconds: seconds / rounds / 2 })))
      }
      const times = (list: { ms: number }[]) => list.map(({ ms }) => ms)
      const p99 = (list: { ms: number }[]) => percentile(times(list), 0.99)
      const refused = (list: { status: number }[]) => list.filter(({ status }) => status !== 202).length
      const others = [...alone, ...beside]
      return {
        goals: [
          p99Goal("the others' accepts", times(alone), times(beside), { most: 1.3, short }),
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
