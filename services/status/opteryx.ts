import { retryIn, type DeliveryMode } from '../../shared/contracts/retry.ts'
import { createId } from '../../shared/id.ts'
import { SettingsError } from '../../shared/settings.ts'
import type { Webhook, WebhookPatch } from '../../shared/storage/storage.ts'
import { defaultOrganization } from './bootstrap.ts'
import type { StatusDeps } from './deps.ts'
import type { StatusSettings } from './settings.ts'
import { announce, untried } from './webhook-row.ts'

/**
 * Tidings in the place of an Opteryx Catalog: `OPTERYX_WEBHOOK_DOMAIN` and `OPTERYX_WEBHOOK_QUEUE` mean here what they mean
 * there. One ordinary webhook is kept as they say, at every start of status; it is in the log and the lists like any
 * other, and its subscriptions and label are whatever people make of them.
 */
type Variables = Pick<StatusSettings, 'opteryxWebhookDomain' | 'opteryxWebhookQueue'>
type Deps = Pick<StatusDeps, 'storage' | 'policy' | 'redis' | 'shards' | 'settings' | 'log' | 'clock'>

/** Fixed, so that of two processes that start at once only one makes it; the next is for when it has been removed. */
const ids = Array.from({ length: 50 }, (_, at) => `00000000-0000-7000-8000-0000000e${String(at + 1).padStart(4, '0')}`)
const eventTypes = ['dataset.*', 'view.*', 'collection.*']
const off = 'OPTERYX_WEBHOOK_DOMAIN is not set'

export type OpteryxTarget = { url: string; mode: DeliveryMode }

/** What the variables ask for; undefined: nothing. Looked at before anything is started, as settings are. */
export function opteryxTarget(variables: Variables, { policy }: Pick<Deps, 'policy'>): OpteryxTarget | undefined {
  const { opteryxWebhookDomain: domain, opteryxWebhookQueue: queue } = variables
  if (domain === undefined) return undefined
  const url = `https://${domain}/event`
  const allowed = policy.checkUrl(url)
  if (!allowed.ok) throw new SettingsError(`these settings cannot be used:\n  OPTERYX_WEBHOOK_DOMAIN: ${allowed.reason}`)
  return { url, mode: queue === undefined ? 'direct' : 'queued' }
}

export async function keepOpteryxWebhook(target: OpteryxTarget | undefined, deps: Deps): Promise<void> {
  const filter = { field: 'id', op: 'in' as const, value: ids }
  const { rows } = await deps.storage.webhooks.filter(defaultOrganization, { filter, limit: 1 })
  const [found] = rows
  const changed = target ? await switchOn(found, target, deps) : await switchOff(found, deps)
  if (changed) await announce(deps)
}

async function switchOn(found: Webhook | undefined, { url, mode }: OpteryxTarget, deps: Deps): Promise<boolean> {
  const webhook = found ?? (await create({ url, mode }, deps))
  const subscribed = await subscribe(webhook, deps)
  const kept = { url, scheme: 'opteryx', format: 'opteryx', timeoutMs: 10_000, active: true, retry: retryIn(mode, webhook.retry) }
  const isKept = Object.entries(kept).every(([name, value]) => JSON.stringify(webhook[name as keyof Webhook]) === JSON.stringify(value))
  if (!isKept) await update(webhook, kept, deps)
  if (!found || !isKept) deps.log.info({ webhookId: webhook.id, mode }, 'OPTERYX_WEBHOOK_DOMAIN is set: its webhook is on')
  return subscribed || !isKept
}

async function switchOff(found: Webhook | undefined, deps: Deps): Promise<boolean> {
  if (!found?.active) return false
  await update(found, { active: false, disabledReason: off }, deps)
  deps.log.info({ webhookId: found.id }, `${off}: its webhook is off`)
  return true
}

const update = (webhook: Webhook, patch: WebhookPatch, { storage, clock }: Deps) =>
  storage.webhooks.update(webhook.organizationId, webhook.id, patch, clock.now())

async function create(target: OpteryxTarget, deps: Deps): Promise<Webhook> {
  let refusal: unknown
  for (const id of ids) {
    const made = webhookOf(id, target, deps)
    try {
      await deps.storage.webhooks.create(made)
      return made
    } catch (error) {
      refusal = error
    }
    // made by another status in this moment, or removed long ago
    const others = await deps.storage.webhooks.find(defaultOrganization, id)
    if (others) return others
  }
  throw refusal
}

const webhookOf = (id: string, { url, mode }: OpteryxTarget, { clock }: Deps): Webhook => ({
  ...untried(clock.now()),
  id,
  organizationId: defaultOrganization,
  url,
  label: 'Opteryx (OPTERYX_WEBHOOK_DOMAIN)',
  active: true,
  scheme: 'opteryx',
  format: 'opteryx',
  headers: null,
  formatSettings: null,
  secrets: [],
  retry: retryIn(mode),
  timeoutMs: 10_000,
  batchSize: 1,
  order: null,
  maxInFlight: null,
  rateLimit: null,
  triggers: [],
  fallback: null,
  recipients: [],
})

/** Without any it would get nothing: then it never was set up, or the process that did so died in between. */
async function subscribe({ id: webhookId, organizationId }: Webhook, { storage, clock }: Deps): Promise<boolean> {
  const present = await storage.subscriptions.list(organizationId, webhookId)
  if (!present || present.length > 0) return false
  for (const eventType of eventTypes) {
    const own = { id: createId(), organizationId, webhookId, eventType, filters: {}, createdAt: clock.now(), deletedAt: null }
    await storage.subscriptions.add(own)
  }
  return true
}
