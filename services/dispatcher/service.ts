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
import { openQueue } from '../../shared/queue.ts'
import { askRedis, connectRedis, together, waitForever, type RedisTarget } from '../../shared/redis.ts'
import { loadRegistry } from '../../shared/registry.ts'
import type { Vault } from '../../shared/secrets.ts'
import type { Service } from '../../shared/service.ts'
import type { Scheme } from '../../shared/signing/scheme.ts'
import type { Storage } from '../../shared/storage/storage.ts'
import type { Tracing } from '../../shared/tracing.ts'
import { startWatch } from '../../shared/watch.ts'
import { openBatches } from './batches.ts'
import { startBrake } from './brake.ts'
import { joinFleet } from './fleet.ts'
import { observeDispatcher } from './observe.ts'
import { startParking } from './parking.ts'
import { holdPayloads } from './payloads.ts'
import { openReport } from './report.ts'
import { createRoom } from './room.ts'
import { startRetell } from './retell.ts'
import type { DispatcherSettings } from './settings.ts'
import { workWhileTrusted } from './trusted.ts'
import { cacheWebhooks } from './webhooks.ts'
import { startWorker } from './worker.ts'

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
  const redis = connectRedis(target, { ...waitForever, ...together }, (error) => log.warn({ err: error }, 'Redis is away'))
  const onError = (error: Error) => log.warn({ err: error }, 'Redis is away')
  const self = createId()
  const retell = startRetell(redis, target.prefix, self, log)
  const fleet = joinFleet(redis, target.prefix, self, settings.concurrency)
  const queue = openQueue(target, onError)
  const parking = startParking(redis, target.prefix, queue, fleet.slots, log)
  const policy = createAddressPolicy({ allow: settings.allowedAddresses, ports: settings.allowedPorts })
  const sender = createSender(policy, { connectionsPerOrigin: settings.concurrency })
  const watch = startWatch({ redis, clock, log })
  const metrics = createMetrics('dispatcher')
  const deps = {
    webhooks: cacheWebhooks(storage, vault),
    payloads: holdPayloads(storage, formats),
    batches: openBatches(storage),
    directory: storage.directory,
    schemes,
    report: openReport(redis, target.prefix, retell, settings, log),
    room: createRoom(),
    slots: fleet.slots,
    parking,
    queue,
    sender,
    clock,
    random: Math.random,
    observe: observeDispatcher(metrics, tracing),
    log,
  }
  const worker = workWhileTrusted(watch, () => startWorker(target, settings, deps, log))
  const brake = startBrake(redis, target.prefix, worker, log)
  const ready = async () => ({
    storage: await storage.ping().then(() => 'ok', String),
    redis: redis.status === 'ready' ? 'ok' : `the connection is ${redis.status}`,
    worker: worker.isRunning() ? 'ok' : 'not taking jobs',
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
      brake.stop()
      await worker.stop()
      await sender.close()
      parking.stop()
      fleet.stop()
      retell.stop()
      await queue.close()
      redis.disconnect()
    },
  }
}
