import type { Clock } from '../../shared/clock.ts'
import { createAddressPolicy } from '../../shared/http/address-policy.ts'
import { createApp } from '../../shared/http/app.ts'
import { createId } from '../../shared/id.ts'
import { mountHealth } from '../../shared/http/health.ts'
import { mountMetrics } from '../../shared/http/metrics.ts'
import { createSender } from '../../shared/http/send.ts'
import type { Logger } from '../../shared/logger.ts'
import { createMetrics, tellDependencies } from '../../shared/metrics.ts'
import type { Format } from '../../shared/payload/format.ts'
import { connectForQueues } from '../../shared/queue.ts'
import { askRedis, connectRedis, waitForever, type RedisTarget } from '../../shared/redis.ts'
import { loadRegistry } from '../../shared/registry.ts'
import { requireUsable } from '../../shared/usable-redis.ts'
import type { Vault } from '../../shared/secrets.ts'
import type { Service } from '../../shared/service.ts'
import { shardTargets, shareOf } from '../../shared/shards.ts'
import type { Scheme } from '../../shared/signing/scheme.ts'
import type { Storage } from '../../shared/storage/storage.ts'
import type { Tracing } from '../../shared/tracing.ts'
import { startWatch } from '../../shared/watch.ts'
import { openBatches } from './batches.ts'
import { observeDispatcher } from './observe.ts'
import { holdPayloads } from './payloads.ts'
import { createRoom } from './room.ts'
import type { DispatcherSettings } from './settings.ts'
import { startShard } from './shard.ts'
import { cacheWebhooks } from './webhooks.ts'

export type DispatcherDeps = {
  settings: DispatcherSettings
  storage: Storage
  redis: RedisTarget
  vault: Vault
  log: Logger
  clock: Clock
  tracing?: Tracing | undefined
}

export async function startDispatcher({ settings, storage, redis: target, vault, log, clock, tracing }: DispatcherDeps): Promise<Service> {
  const [schemes, formats] = await Promise.all([
    loadRegistry<Scheme>('scheme', new URL('../../shared/signing/schemes/', import.meta.url)),
    loadRegistry<Format>('format', new URL('../../shared/payload/formats/', import.meta.url)),
  ])
  const onError = (error: Error) => log.warn({ err: error }, 'Redis is away')
  const redis = connectRedis(target, waitForever, onError)
  await requireUsable(redis, target.prefix, settings.deliveryShards)
  const working = connectRedis(target, waitForever, () => {})
  const queueing = connectForQueues(target, onError)
  const policy = createAddressPolicy({ allow: settings.allowedAddresses, ports: settings.allowedPorts })
  const sender = createSender(policy, { connectionsPerOrigin: settings.concurrency })
  const watch = startWatch({ redis, clock, log })
  const metrics = createMetrics('dispatcher')
  const delivering = {
    webhooks: cacheWebhooks(storage, vault),
    payloads: holdPayloads(storage, formats),
    batches: openBatches(storage),
    directory: storage.directory,
    schemes,
    room: createRoom(),
    sender,
    clock,
    random: Math.random,
    observe: observeDispatcher(metrics, tracing),
    log,
  }
  const deps = { self: createId(), redis, working, queueing, watch, delivering, settings }
  const shards = shardTargets(target, settings.deliveryShards).map(({ prefix }, index, count) =>
    startShard(prefix, shareOf(settings.concurrency, count, index), 1 / count, deps),
  )
  const ready = async () => ({
    storage: await storage.ping().then(() => 'ok', String),
    redis: redis.status === 'ready' ? 'ok' : `the connection is ${redis.status}`,
    worker: shards.all.every((shard) => shard.isRunning()) ? 'ok' : 'not taking jobs',
    ...watch.states(),
  })
  const app = createApp(log, metrics)
  mountHealth(app, ready)
  mountMetrics(app, () => metrics.text(), settings.metricsToken)
  tellDependencies(metrics, async () => ({ ...(await ready()), redis: await askRedis(redis) }))

  return {
    app,
    ready,
    metrics,
    async stop() {
      watch.stop()
      await Promise.all(shards.all.map((shard) => shard.drain()))
      await sender.close()
      await Promise.all(shards.all.map((shard) => shard.stop()))
      for (const connection of [redis, working, queueing]) connection.disconnect()
    },
  }
}
