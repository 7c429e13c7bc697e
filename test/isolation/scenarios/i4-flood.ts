import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { createApiKey, hashApiKey } from '../../../shared/id.ts'
import { percentile } from '../../chaos/goals.ts'
import { atMost, holds, type Scenario } from '../../chaos/scenario.ts'
import { ask, type Asked, type Asking } from '../asking.ts'
import { p99Goal } from '../compare.ts'
import { withTown } from '../town.ts'
import { inTurns, p99OfEach, tenths } from '../turns.ts'

const quota = 50

type Flooder = { flood(asking: Asking): Promise<Asked[]>; stop(): Promise<unknown> }

/** The same for all turns: code that is new to its thread takes the machine from those who are measured. */
function startFlooder(): Flooder {
  const worker = new Worker(new URL('../flooder.js', import.meta.url))
  return {
    async flood(asking) {
      worker.postMessage(asking)
      const [asked] = await once(worker, 'message')
      return asked as Asked[]
    },
    stop: () => worker.terminate(),
  }
}

export const oneFloods: Scenario = {
  name: 'I4',
  title: 'one organization publishes 20 times its quota',
  seconds: 120,
  shortSeconds: 4,
  run: ({ random, seconds, short, say }) =>
    withTown({ random, short, count: 2 }, async (town) => {
      const { storage, key, ingest } = town.system
      const usual = { url: ingest.url, key, perSecond: 100 }
      const flooding = createApiKey()
      const row = { id: 'flood', organizationId: 'flooding', label: 'flood', scopes: ['ingest' as const], createdAt: Date.now() }
      await storage.keys.create({ ...row, expiresAt: null, lastUsedAt: null, rateLimit: quota }, hashApiKey(flooding))
      const flooder = startFlooder()
      const flood = (seconds: number) => flooder.flood({ ...usual, key: flooding, perSecond: 20 * quota, seconds })
      const theirs: Asked[] = []
      async function measure() {
        const warmUp = short ? 2 : 6
        await Promise.all([ask({ ...usual, seconds: warmUp }), flood(warmUp)])
        return await inTurns({
          turns: short ? 1 : 12,
          seconds,
          async alone(seconds) {
            say('it is quiet')
            return await ask({ ...usual, seconds })
          },
          async beside(seconds) {
            say('one floods')
            const [ours, floods] = await Promise.all([ask({ ...usual, seconds }), flood(seconds)])
            theirs.push(...floods)
            return ours
          },
        })
      }
      const { alone, beside } = await measure().finally(() => flooder.stop())
      const times = (turns: Asked[][]) => turns.map((list) => list.map(({ ms }) => ms))
      const shown = (turns: number[][]) => ({
        p50: tenths(percentile(turns.flat(), 0.5)),
        p99: tenths(percentile(turns.flat(), 0.99)),
        p99OfEach: p99OfEach(turns),
      })
      const refused = (list: { status: number }[]) => list.filter(({ status }) => status !== 202).length
      const others = [...alone, ...beside].flat()
      return {
        goals: [
          p99Goal("the others' accepts", times(alone).flat(), times(beside).flat(), { most: 1.3, short }),
          holds('others refused', '0', refused(others), refused(others) === 0),
          holds(
            'the flood is answered 202 and 429 alone',
            'yes',
            theirs.every(({ status }) => status === 202 || status === 429) ? 'yes' : 'no',
            theirs.every(({ status }) => status === 202 || status === 429),
          ),
          atMost('of the flood accepted a second', (theirs.length - refused(theirs)) / seconds, 2 * quota),
        ],
        figures: { alone: shown(times(alone)), beside: shown(times(beside)), flood: theirs.length, floodRefused: refused(theirs) },
      }
    }),
}
