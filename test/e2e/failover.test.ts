import { describe, expect, it } from 'vitest'
import { realRedis, type TestRedis } from '../support/redis.ts'
import { startTestCluster, type TestCluster } from '../support/redis-cluster.ts'
import { startTestSentinel } from '../support/redis-sentinel.ts'
import { anEvent, fast } from '../support/builders.ts'
import { eventually } from '../support/eventually.ts'
import { withSystem, type System } from '../support/system.ts'
import { shardPrefixes } from '../../shared/shards.ts'

const looked = await realRedis()
const settings = { CONCURRENCY: '12', LOCK_MS: '5000', STALLED_MS: '1000', LOG_LEVEL: 'error' }
const patienceMs = 240_000
const settleMs = 120_000

/** Publishes one event after the other, again and again where it is refused, until it is told to stop. */
function keepPublishing({ api }: System) {
  const accepted: string[] = []
  let stopping = false
  const publishing = (async () => {
    while (!stopping) {
      const ids = await api.publish([anEvent(), anEvent()]).catch(() => [])
      accepted.push(...ids)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  })()
  const stop = async () => {
    stopping = true
    await publishing
    return accepted
  }
  return { accepted, stop }
}

async function openWebhooks({ api, receiver }: System, count: number): Promise<{ id: string; path: string }[]> {
  const paths = Array.from({ length: count }, (_, i) => `/${i}`)
  return Promise.all(
    paths.map(async (path) => {
      const { id } = await api.createWebhook({ url: receiver.at(path).url, retry: fast(0.5, 1, 2, 4) })
      await api.subscribe(id, '*')
      return { id, path }
    }),
  )
}

/** Kills a server under load; then nothing may be lost, and the log has to agree with who received it. */
async function survives(system: System, strike: () => Promise<void>): Promise<void> {
  const webhooks = await openWebhooks(system, 9)
  const load = keepPublishing(system)
  await eventually(() => expect(load.accepted.length).toBeGreaterThan(30))
  await strike()
  const before = load.accepted.length
  await eventually(() => expect(load.accepted.length).toBeGreaterThan(before + 30))
  const accepted = await load.stop()

  const { api, receiver } = system
  const expected = accepted.length * webhooks.length
  await eventually(async () => expect(await api.count({ field: 'status', op: 'eq', value: 'succeeded' })).toBe(expected), settleMs)
  expect(await api.count()).toBe(expected)
  for (const { path } of webhooks) expect(new Set(receiver.at(path).requests.map(({ id }) => id))).toEqual(new Set(accepted))
  await eventually(async () => expect(await api.steer(200, 'GET', '/ledger')).toMatchObject({ unbalanced: 0 }))
}

describe.skipIf(!('program' in looked))('a master that is killed under load', () => {
  const program = 'program' in looked ? looked.program : undefined

  it(
    'of a cluster: its replica takes over, and nothing is lost, in whichever shard',
    async () => {
      if (!program) return
      let cluster: TestCluster | undefined
      const startRedis = async (): Promise<TestRedis> => (cluster = await startTestCluster(program))
      await withSystem({ startRedis, settings: { ...settings, DELIVERY_SHARDS: '6' } }, async (system) => {
        const thirds = shardPrefixes('{tidings}', 6).map((prefix) => cluster?.thirdOf(prefix.slice(1, -1)))
        expect([0, 1, 2].map((third) => thirds.filter((one) => one === third).length)).toEqual([2, 2, 2])

        // the one that has what there is once, too
        await survives(system, async () => cluster?.failOver(thirds[0] as number))
      })
    },
    patienceMs,
  )

  it(
    'of two that a Sentinel watches: the other takes over, and nothing is lost',
    async () => {
      if (!program) return
      const startRedis = () => startTestSentinel(program)
      await withSystem({ startRedis, settings: { ...settings, DELIVERY_SHARDS: '2' } }, async (system) => {
        await survives(system, async () => {
          await system.redis.kill()
          await system.redis.ask('PING')
        })
      })
    },
    patienceMs,
  )
})
