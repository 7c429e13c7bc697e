import { hostname } from 'node:os'
import type { Clock } from '../../shared/clock.ts'
import { createAddressPolicy } from '../../shared/http/address-policy.ts'
import { createRateLimits } from '../../shared/http/rate-limit.ts'
import { createId } from '../../shared/id.ts'
import type { Logger } from '../../shared/logger.ts'
import type { Format } from '../../shared/payload/format.ts'
import { createMetrics } from '../../shared/metrics.ts'
import { connectForQueues, openQueueOn, queueIn } from '../../shared/queue.ts'
import { connectRedis, failFast, waitForever, type RedisTarget } from '../../shared/redis.ts'
import { loadRegistry } from '../../shared/registry.ts'
import { requireUsable } from '../../shared/usable-redis.ts'
import type { Vault } from '../../shared/secrets.ts'
import type { Service } from '../../shared/service.ts'
import { shardTargets } from '../../shared/shards.ts'
import type { Scheme } from '../../shared/signing/scheme.ts'
import type { Storage } from '../../shared/storage/storage.ts'
import type { Tracing } from '../../shared/tracing.ts'
import { startWatch } from '../../shared/watch.ts'
import { bodiesIn, openBodies } from '../../shared/transport.ts'
import { createStatusApp } from './app.ts'
import type { AdapterDescription, StatusDeps } from './deps.ts'
import { keepOpteryxWebhook, opteryxTarget } from './opteryx.ts'
import { watchHealth } from './health.ts'
import { releaseHeld } from './held.ts'
import { observeStatus } from './observe.ts'
import { startReconciler } from './reconcile.ts'
import { startRecorder } from './record.ts'
import { keepLog } from './retention.ts'
import { redeliverBetweenTicks } from './redeliver.ts'
import type { StatusSettings } from './settings.ts'
import { tellStanding } from './standing.ts'
import { wakeFar } from './wake.ts'

export type StatusServiceDeps = {
  settings: StatusSettings
  storage: Storage
  redis: RedisTarget
  vault: Vault
  log: Logger
  clock: Clock
  tracing?: Tracing | undefined
}

export async function startStatus({ settings, storage, redis: target, vault, log, clock, tracing }: StatusServiceDeps): Promise<Service> {
  const policy = createAddressPolicy({ allow: settings.allowedAddresses, ports: settings.allowedPorts })
  const opteryx = opteryxTarget(settings, { policy })
  const onError = (error: Error) => log.warn({ err: error }, 'Redis is away')
  const [schemes, formats, adapters] = await Promise.all([
    loadRegistry<Scheme>('scheme', new URL('../../shared/signing/schemes/', import.meta.url)),
    loadRegistry<Format>('format', new URL('../../shared/payload/formats/', import.meta.url)),
    // The files are ingest's; of each, status knows the description alone.
    loadRegistry<AdapterDescription>('source adapter', new URL('../ingest/sources/', import.meta.url)),
  ])
  const redis = connectRedis(target, failFast, onError)
  const { prefix } = target
  await requireUsable(redis, prefix, settings.deliveryShards)
  const queueing = connectForQueues(target, onError)
  const shards = shardTargets(target, settings.deliveryShards).map((shard) => ({
    prefix: shard.prefix,
    queue: openQueueOn(queueing, shard.prefix, () => {}),
  }))
  const queue = queueIn(shards.map((shard) => shard.queue))
  const bodies = bodiesIn(shards.map((shard) => openBodies(redis, shard.prefix)))
  const self = `${hostname()}-${createId()}`

  const watch = startWatch({ redis, clock, log })
  const metrics = createMetrics('status')
  const observe = observeStatus(metrics, tracing)
  const ready = async () => ({
    storage: await storage.ping().then(() => 'ok', String),
    redis: redis.status === 'ready' ? 'ok' : `the connection is ${redis.status}`,
    ...watch.states(),
  })
  const limits = createRateLimits(
    'status',
    { perKey: settings.statusKeyRateLimit, perOrganization: settings.statusOrganizationRateLimit },
    clock,
    { redis, prefix },
  )
  const deps: StatusDeps = {
    limits,
    storage,
    vault,
    queue,
    bodies,
    policy,
    schemes,
    formats,
    adapters,
    settings,
    redis,
    shards,
    log,
    clock,
    ready,
    metrics,
  }
  tellStanding({ metrics, storage, redis, shards, clock, ready })
  await keepOpteryxWebhook(opteryx, deps)
  const recorders = shards.map((shard) => {
    // each waits for entries of its own, and would keep the others waiting on a connection in common
    const reader = connectRedis(target, waitForever, onError)
    const deps = { redis: reader, prefix: shard.prefix, storage, bodies, queue, announce: redis, consumer: self, observe, clock, log }
    return { reader, recorder: startRecorder(deps) }
  })
  const redelivering = redeliverBetweenTicks(deps)
  const reconciler = startReconciler({
    redis,
    prefix,
    storage,
    shards,
    chores: [
      wakeFar(deps),
      releaseHeld({ redis, shards, storage, clock }),
      redelivering.chore,
      watchHealth(deps),
      keepLog({ storage, settings, clock, log }),
    ],
    self,
    observe,
    clock,
    log,
  })

  return {
    app: createStatusApp(deps),
    ready,
    metrics,
    async stop() {
      watch.stop()
      limits.stop()
      await reconciler.stop()
      await redelivering.stop()
      await Promise.all(recorders.all.map(({ recorder }) => recorder.stop()))
      await Promise.all(shards.all.map((shard) => shard.queue.close()))
      for (const connection of [redis, queueing, ...recorders.all.map(({ reader }) => reader)]) connection.disconnect()
    },
  }
}
