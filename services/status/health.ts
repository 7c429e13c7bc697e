import { ownEvent } from '../../shared/own-event.ts'
import type { Webhook } from '../../shared/storage/storage.ts'
import type { StatusDeps } from './deps.ts'
import { announce } from './webhook-row.ts'

/** Parts of the time after which it is switched off, at which a webhook that keeps failing is warned of. */
const warnedAt = [0.2, 0.6, 0.9]
const dayMs = 86_400_000
const lookEveryMs = 60_000

export type HealthDecision = { kind: 'none' } | { kind: 'warn'; warnings: number } | { kind: 'disable'; reason: string }

/**
 * What becomes of a webhook that has not succeeded since it failed. Only what was tried counts, from the first failure to
 * the last one: a webhook that gets nothing for a month has not failed for a month. Pure.
 */
export function judgeHealth(
  { failingSince, lastFailedAt, warnings }: Pick<Webhook, 'failingSince' | 'lastFailedAt' | 'warnings'>,
  disableAfterDays: number,
): HealthDecision {
  if (disableAfterDays === 0 || failingSince === null || lastFailedAt === null) return { kind: 'none' }
  const failedFor = (lastFailedAt - failingSince) / (disableAfterDays * dayMs)
  if (failedFor >= 1) return { kind: 'disable', reason: `nothing but failures for ${disableAfterDays} days` }
  const due = warnedAt.filter((part) => failedFor >= part).length
  return due > warnings ? { kind: 'warn', warnings: due } : { kind: 'none' }
}

type Deps = Pick<StatusDeps, 'storage' | 'redis' | 'shards' | 'settings' | 'log' | 'clock'>

/** A chore for the reconciler: looks at the webhooks that fail, once a minute, and tells of what it does by events. */
export function watchHealth(deps: Deps): () => Promise<void> {
  let nextAt = 0
  return async () => {
    const now = deps.clock.now()
    if (now < nextAt) return
    nextAt = now + lookEveryMs
    for (const webhook of await deps.storage.health.failing()) await follow(webhook, deps)
  }
}

async function follow(webhook: Webhook, deps: Deps): Promise<void> {
  const now = deps.clock.now()
  const decision = judgeHealth(webhook, deps.settings.disableAfterDays)
  if (decision.kind === 'none') return
  const { id, organizationId, consecutiveFailures, lastFailedStatusCode, lastFailedReason } = webhook
  const data = {
    webhook_id: id,
    failing_since: new Date(webhook.failingSince as number).toISOString(),
    consecutive_failures: consecutiveFailures,
    last_failed_status_code: lastFailedStatusCode,
    last_failed_reason: lastFailedReason,
  }
  if (decision.kind === 'warn') {
    const disabledAt = new Date((webhook.failingSince as number) + deps.settings.disableAfterDays * dayMs).toISOString()
    const event = ownEvent({ type: 'webhook.failing', organizationId, webhook, data: { ...data, is_disabled_at: disabledAt }, now })
    if (await deps.storage.health.warn(id, decision.warnings, event))
      deps.log.warn({ webhookId: id, warning: decision.warnings }, 'webhook keeps failing')
    return
  }
  const event = ownEvent({ type: 'webhook.disabled', organizationId, webhook, data: { ...data, reason: decision.reason }, now })
  if (!(await deps.storage.health.disable(id, decision.reason, event, now))) return
  deps.log.warn({ webhookId: id }, 'webhook disabled: nothing but failures for days')
  await announce(deps)
}
