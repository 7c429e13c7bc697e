import type { Clock } from '../../shared/clock.ts'
import { createAuthenticate } from '../../shared/http/authenticate.ts'
import { createAddressPolicy } from '../../shared/http/address-policy.ts'
import { mountHealth } from '../../shared/http/health.ts'
import { createRateLimits } from '../../shared/http/rate-limit.ts'
import { createSender } from '../../shared/http/send.ts'
import type { Logger } from '../../shared/logger.ts'
import { openLookupQueue } from '../../shared/lookup-queue.ts'
import type { Format } from '../../shared/payload/format.ts'
import { createMetrics } from '../../shared/metrics.ts'
import { connectForQueues, openQueueOn, queueIn } from '../../shared/queue.ts'
import { askRedis, connectRedis, failFast, type RedisTarget } from '../../shared/redis.ts'
import { loadRegistry } from '../../shared/registry.ts'
import { requireUsable } from '../../shared/usable-redis.ts'
import type { Vault } from '../../shared/secrets.ts'
import type { Service } from '../../shared/service.ts'
import { shardTargets } from '../../shared/shards.ts'
import type { Scheme } from '../../shared/signing/scheme.ts'
import type { Storage } from '../../shared/storage/storage.ts'
import type { Tracing } from '../../shared/tracing.ts'
import { startWatch } from '../../shared/watch.ts'
import { bodiesIn, lanesIn, openBodies, openLanes } from '../../shared/transport.ts'
import { startLookups } from './lookup-worker.ts'
import { observeIngest, tellOfIngest } from './observe.ts'
import { startRefusals } from './refusals.ts'
import { watchPressure } from './pressure.ts'
import { startRelay } from './relay.ts'
import { createIngestApp } from './routes.ts'
import type { IngestSettings } from './settings.ts'
import type { SourceAdapter } from './source.ts'

export type IngestDeps = {
  settings: IngestSettings
  storage: Storage
  redis: RedisTarget
  vault: Vault
  log: Logger
  clock: Clock
  tracing?: Tracing | undefined
}

export async function startIngest({ settings, storage, redis: target, vault, log, clock, tracing }: IngestDeps): Promise<Service> {
  const onError = (error: Error) => log.warn({ err: error }, 'Redis is away')
  const metrics = createMetrics('ingest')
  const observe = observeIngest(metrics, tracing)
  const [adapters, schemes, formats] = await Promise.all([
    loadRegistry<SourceAdapter>('source adapter', new URL('./sources/', import.meta.url)),
    loadRegistry<Scheme>('scheme', new URL('../../shared/signing/schemes/', import.meta.url)),
    loadRegistry<Format>('format', new URL('../../shared/payload/formats/', import.meta.url)),
  ])
  const redis = connectRedis(target, failFast, onError)
  await requireUsable(redis, target.prefix, settings.deliveryShards)
  const queueing = connectForQueues(target, onError)
  const shards = shardTargets(target, settings.deliveryShards)
  const watch = startWatch({ redis, clock, log })
  const queues = shards.map(({ prefix }) => openQueueOn(queueing, prefix, () => {}))
  // where the queues are, and by the same connection: a body is there before its job
  const bodies = bodiesIn(shards.map(({ prefix }) => openBodies(queueing, prefix)))
  const lanes = lanesIn(shards.map(({ prefix }) => openLanes(queueing, prefix)))
  const pressure = watchPressure(redis, shards.all, settings.databaseUrl, log)
  const relay = startRelay({ storage, queue: queueIn(queues), bodies, lanes, formats, pressure, observe, clock, log })
  const limits = createRateLimits(
    'ingest',
    { perKey: settings.ingestKeyRateLimit, perOrganization: settings.ingestOrganizationRateLimit },
    clock,
    { redis, prefix: target.prefix },
  )
  const authenticate = createAuthenticate(storage, clock, { limits })
  const refusals = startRefusals({ storage, clock, log })
  const sender = createSender(createAddressPolicy({ allow: settings.allowedAddresses, ports: settings.allowedPorts }), {
    connectionsPerOrigin: settings.lookupConcurrency,
    keptBytes: settings.eventMaxBytes,
  })
  const lookupQueue = openLookupQueue(target, onError)
  const lookupDeps = { storage, relay, pressure, observe, queue: lookupQueue, adapters, vault, sender, clock, random: Math.random, log }
  const lookups = startLookups(target, settings.lookupConcurrency, lookupDeps)
  const common = { storage, relay, pressure, observe, metrics, lookups, refusals, settings, clock, log }
  const app = createIngestApp({ ...common, adapters, schemes, vault, authenticate })
  // Redis is no condition: with Redis away events are accepted and wait in SQL.
  const ready = async () => ({ storage: await storage.ping().then(() => 'ok', String), ...watch.states() })
  tellOfIngest(metrics, async () => ({ ...(await ready()), redis: await askRedis(redis) }), pressure)
  mountHealth(app, ready)

  return {
    app,
    ready,
    metrics,
    async stop() {
      await lookups.stop()
      await sender.close()
      await lookupQueue.close()
      watch.stop()
      limits.stop()
      await refusals.stop()
      pressure.stop()
      await relay.stop()
      await Promise.all(queues.all.map((queue) => queue.close()))
      queueing.disconnect()
      redis.disconnect()
    },
  }
}
