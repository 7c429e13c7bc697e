import { realRedis } from '../support/redis.ts'
import { startTestCluster } from '../support/redis-cluster.ts'
import type { RedisKind } from './scenario.ts'
import type { WorldOptions } from './world.ts'

const shards = 6

/** What a world needs for this kind of Redis, or why it cannot be had here. */
export async function worldOn(kind: RedisKind): Promise<Pick<WorldOptions, 'startRedis' | 'settings'> | { skipped: string }> {
  if (kind === 'server') return {}
  const looked = await realRedis()
  if (!('program' in looked)) return { skipped: `only of a real Redis can a cluster be made: ${looked.reason}` }
  return { startRedis: () => startTestCluster(looked.program), settings: { DELIVERY_SHARDS: String(shards) } }
}
