import type { z } from 'zod'
import type { Clock } from '../../shared/clock.ts'
import type { EventDraft } from '../../shared/contracts/event.ts'
import type { RateLimits } from '../../shared/http/rate-limit.ts'
import type { AddressPolicy } from '../../shared/http/address-policy.ts'
import type { Logger } from '../../shared/logger.ts'
import type { Format } from '../../shared/payload/format.ts'
import type { Metrics } from '../../shared/metrics.ts'
import type { DeliveryQueue } from '../../shared/queue.ts'
import type { Redis } from '../../shared/redis.ts'
import type { Registry } from '../../shared/registry.ts'
import type { Vault } from '../../shared/secrets.ts'
import type { Shards } from '../../shared/shards.ts'
import type { Scheme } from '../../shared/signing/scheme.ts'
import type { Storage } from '../../shared/storage/storage.ts'
import type { Bodies } from '../../shared/transport.ts'
import type { StatusSettings } from './settings.ts'

/** The part of a source adapter that registering and describing a source needs; requests are read by ingest alone, samples here too. */
export type AdapterDescription = {
  name: string
  description: string
  scheme: string | null
  settings?: z.ZodType<Record<string, unknown>>
  samples: { title: string; headers: Record<string, string>; body: string; settings?: Record<string, unknown> }[]
  parse(
    sample: { headers: Record<string, string | undefined>; body: Uint8Array },
    limits: { eventBytes: number; eventsPerRequest: number; depth: number },
    settings?: Record<string, unknown>,
  ): EventDraft[]
}

/** Where a shard lies, and its queue as Bull Board shows it. */
export type StatusShard = { prefix: string; queue: Pick<DeliveryQueue, 'bull'> }

export type StatusDeps = {
  storage: Storage
  vault: Vault
  queue: Pick<DeliveryQueue, 'add' | 'waiting'>
  bodies: Pick<Bodies, 'put'>
  policy: AddressPolicy
  schemes: Registry<Scheme>
  formats: Registry<Format>
  /** What status may know of the source adapters, which are ingest's. */
  adapters: Registry<AdapterDescription>
  settings: Pick<StatusSettings, 'disableAfterDays' | 'redeliveryRate' | 'queuesWritable' | 'publicUrl' | 'metricsToken'>
  redis: Redis
  shards: Shards<StatusShard>
  limits?: RateLimits | undefined
  log: Logger
  clock: Clock
  /** Each dependency by name, `ok` or what is wrong. */
  ready(): Promise<Record<string, string>>
  metrics?: Metrics | undefined
}
