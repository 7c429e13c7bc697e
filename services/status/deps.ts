import type { Redis } from 'ioredis'
import type { Clock } from '../../shared/clock.ts'
import type { AddressPolicy } from '../../shared/http/address-policy.ts'
import type { Logger } from '../../shared/logger.ts'
import type { Format } from '../../shared/payload/format.ts'
import type { DeliveryQueue } from '../../shared/queue.ts'
import type { Registry } from '../../shared/registry.ts'
import type { Vault } from '../../shared/secrets.ts'
import type { Scheme } from '../../shared/signing/scheme.ts'
import type { Storage } from '../../shared/storage/storage.ts'
import type { Bodies } from '../../shared/transport.ts'
import type { StatusSettings } from './settings.ts'

export type StatusDeps = {
  storage: Storage
  vault: Vault
  queue: Pick<DeliveryQueue, 'add' | 'bull'>
  bodies: Pick<Bodies, 'put'>
  policy: AddressPolicy
  schemes: Registry<Scheme>
  formats: Registry<Format>
  /** Names of the source adapters. */
  adapters: string[]
  settings: Pick<StatusSettings, 'queuesWritable' | 'redisPrefix'>
  redis: Redis
  log: Logger
  clock: Clock
  /** Each dependency by name, `ok` or what is wrong. */
  ready(): Promise<Record<string, string>>
}
