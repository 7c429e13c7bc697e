import { afterAll, beforeAll, describe, expect, it, onTestFailed } from 'vitest'
import type { RedisProgram } from '../../infra/redis/server.ts'
import { shardPrefixes } from '../../shared/shards.ts'
import { anEvent, fast } from '../support/builders.ts'
import { eventually } from '../support/eventually.ts'
import { keepPublishing } from '../support/publishing.ts'
import { realRedis } from '../support/redis.ts'
import { startTestCluster, type TestCluster } from '../support/redis-cluster.ts'
import { startTestSentinel } from '../support/redis-sentinel.ts'
import { showLogs, startSystem, type System } from '../support/system.ts'

const looked = await realRedis()
const shards = 6
const settings = { CONCURRENCY: '12', LOCK_MS: '5000', STALLED_MS: '1000', LOG_LEVEL: 'error' }
const patienceMs = 240_000
const settleMs = 120_000

async function openWebhooks({ api, receiver }: System, count: number): Promise<string[]> {
  const paths = Array.from({ length: count }, (_, i) => `/${i}`)
  for (const path of paths) {
    const { id } = await api.createWebhook({ url: receiver.at(path).url, retry: fast(0.5, 1, 2, 4) })
    await api.subscribe(id, '*')
  }
  return paths
}

/** Kills a server under load; then nothing may be lost, and the log has to agree with who received it. */
async function survives(system: System, strike: () => Promise<unknown>): Promise<void> {
  onTestFailed(() => showLogs(system))
  const paths = await openWebhooks(system, 9)
  const load = keepPublishing(system.api)
  await eventually(() => expect(load.accepted.length).toBeGreaterThan(30))
  await strike()
  const before = load.accepted.length
  await eventually(() => expect(load.accepted.length).toBeGreaterThan(before + 30))
  const accepted = await load.stop()

  const { api, receiver } = system
  const expected = accepted.length * paths.length
  await eventually(async () => expect(await api.count({ field: 'status', op: 'eq', value: 'succeeded' })).toBe(expected), settleMs)
  expect(await api.count()).toBe(expected)
  for (const path of paths) expect(new Set(receiver.at(path).requests.map(({ id }) => id))).toEqual(new Set(accepted))
  await eventually(async () => expect(await api.steer(200, 'GET', '/ledger')).toMatchObject({ unbalanced: 0 }))
}

function onCluster(program: RedisProgram): void {
  let cluster: TestCluster
  let system: System
  const thirds = () => shardPrefixes('{tidings}', shards).map((prefix) => cluster.thirdOf(prefix.slice(1, -1)))
  beforeAll(async () => {
    const startRedis = async () => (cluster = await startTestCluster(program))
    system = await startSystem({ startRedis, settings: { ...settings, DELIVERY_SHARDS: String(shards) } })
  }, patienceMs)
  afterAll(() => system?.stop())

  it('has as many shards on each master', () => {
    expect(thirds().toSorted()).toEqual([0, 0, 1, 1, 2, 2])
  })

  it('takes nothing more when one of its masters is nearly full', async () => {
    const used = Number(/used_memory:(\d+)/.exec(await cluster.askThird(1, 'INFO', 'memory'))?.[1])
    await cluster.askThird(1, 'CONFIG', 'SET', 'maxmemory', String(Math.round(used / 0.9)))
    await eventually(async () => expect(await system.api.post(JSON.stringify(anEvent()))).toMatchObject({ status: 503 }))

    await cluster.askThird(1, 'CONFIG', 'SET', 'maxmemory', '0')
    await eventually(async () => expect(await system.api.post(JSON.stringify(anEvent()))).toMatchObject({ status: 202 }))
  })

  it(
    'loses nothing when a master is killed under load: its replica takes over',
    // the one that also has what there is once
    () => survives(system, () => cluster.failOver(thirds()[0] as number)),
    patienceMs,
  )
}

function behindSentinel(program: RedisProgram): void {
  let system: System
  beforeAll(async () => {
    system = await startSystem({ startRedis: () => startTestSentinel(program), settings: { ...settings, DELIVERY_SHARDS: '2' } })
  }, patienceMs)
  afterAll(() => system?.stop())

  it(
    'nothing is lost when the master is killed under load: the other takes over',
    () =>
      survives(system, async () => {
        await system.redis.kill()
        await system.redis.ask('PING')
      }),
    patienceMs,
  )
}

if ('program' in looked) {
  describe('a cluster', () => onCluster(looked.program))
  describe('behind a Sentinel', () => behindSentinel(looked.program))
} else it('a cluster, and what a Sentinel watches', (context) => context.skip(`only of a real Redis: ${looked.reason}`))
