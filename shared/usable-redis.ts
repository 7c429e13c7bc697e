import { requireNoEviction, whenReady, type Redis } from './redis.ts'
import { SettingsError } from './settings.ts'
import { keys } from './transport.ts'

/** Says what the shards are, in a Redis that does not know yet. */
export async function noteShards(redis: Redis, prefix: string, count: number): Promise<void> {
  await redis.set(keys(prefix).shards, count, 'NX')
}

/**
 * Resolves when this Redis can be worked with, or after a moment when it is away, which is no reason not to start. Ends
 * the connection when it cannot.
 */
export async function requireUsable(redis: Redis, prefix: string, shards: number): Promise<void> {
  await whenReady(redis)
  try {
    if (redis.status === 'ready') {
      await requireNoEviction(redis)
      await refuseOther(redis, prefix, shards)
    }
  } catch (error) {
    redis.disconnect()
    throw error
  }
  // one that comes back may be another; the rejection ends the process
  redis.on('ready', () => void refuseOther(redis, prefix, shards))
}

/**
 * With different numbers one process would put work where no other looks for it: Redis keeps the number that it was
 * filled with, and whoever comes with another is refused.
 */
async function refuseOther(redis: Redis, prefix: string, count: number): Promise<void> {
  const known = await knownShards(redis, prefix, count).catch(() => count)
  if (known === count) return
  throw new SettingsError(
    `the queue in this Redis is divided into ${known} shards, and DELIVERY_SHARDS says ${count}; it must be the same for every process. To change it: stop ingest, then the dispatchers, then status, which writes down what is left to be recorded; empty this Redis (FLUSHALL; of a private one delete the folder redis/queue in the data folder); start all with the new number. What is open is put back from the database.`,
  )
}

/** One that was filled before there were shards has one, and does not say so. */
async function knownShards(redis: Redis, prefix: string, count: number): Promise<number> {
  const key = keys(prefix)
  const [known, filled] = await Promise.all([redis.get(key.shards), redis.exists(key.epoch)])
  if (known !== null) return Number(known)
  if (filled) return 1
  await noteShards(redis, prefix, count)
  return Number((await redis.get(key.shards)) ?? count)
}
