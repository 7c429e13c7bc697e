import type { Vault } from '../../shared/secrets.ts'
import type { WebhookSecret } from '../../shared/storage/storage.ts'
import { announceRegistry, openGate } from '../../shared/transport.ts'
import type { StatusDeps } from './deps.ts'

/** What both APIs, ours and OpenMetadata's, write of a webhook, and whom they tell. */

/** The part of a webhook that its deliveries write. */
export const untried = (now: number) => ({
  disabledReason: null,
  lastSucceededAt: null,
  lastFailedAt: null,
  lastFailedStatusCode: null,
  lastFailedReason: null,
  lastFailedOutcome: null,
  retriesExhausted: false,
  nextAttemptAt: null,
  consecutiveFailures: 0,
  failingSince: null,
  warnings: 0,
  createdAt: now,
  updatedAt: now,
})

export const sealedJson = (members: Record<string, unknown>, id: string, vault: Vault): string | null =>
  Object.keys(members).length > 0 ? vault.seal(JSON.stringify(members), id) : null

export const sealed = (secret: string, id: string, { vault, clock }: Pick<StatusDeps, 'vault' | 'clock'>): WebhookSecret => ({
  sealed: vault.seal(secret, id),
  createdAt: clock.now(),
  expiresAt: null,
})

/** @param changed a webhook whose past failures may mean nothing any more. Only hurries the dispatchers, whose copies expire by themselves: the change is made, whether Redis is there or not. */
export async function announce({ redis, shards, log }: Pick<StatusDeps, 'redis' | 'shards' | 'log'>, changed?: string): Promise<void> {
  async function tell(): Promise<void> {
    await Promise.all(shards.all.map(({ prefix }) => announceRegistry(redis, prefix)))
    // then, as what begins before the dispatchers know of the change may still fail for the old reason
    if (changed !== undefined) await openGate(redis, shards.of(changed).prefix, changed)
  }
  await tell().catch((error: unknown) => log.warn({ err: error }, 'change of a webhook not announced'))
}
