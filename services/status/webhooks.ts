import { z } from 'zod'
import { WebhookInput, type WebhookPatch } from '../../shared/contracts/api/webhook.ts'
import { defaultRetryPolicy, modeOf, retryIn, type RetryPolicy } from '../../shared/contracts/retry.ts'
import { createId, createSecret } from '../../shared/id.ts'
import { Problem, invalid } from '../../shared/problem.ts'
import { formatByUrl, routingKeyOf } from '../../shared/payload/format-by-url.ts'
import type { Format } from '../../shared/payload/format.ts'
import type { Webhook, WebhookPatch as Columns } from '../../shared/storage/storage.ts'
import type { StatusDeps } from './deps.ts'
import { invalidIn, notFound } from './refuse.ts'
import { canSign, choosable } from './schemes.ts'
import { inForce, openHeaders, openSettings } from './shape.ts'
import { announce, sealed, sealedJson, untried } from './webhook-row.ts'

type Deps = Pick<StatusDeps, 'storage' | 'vault' | 'policy' | 'schemes' | 'formats' | 'redis' | 'shards' | 'settings' | 'log' | 'clock'>
/** Enough for receivers that are slow to follow, few enough for a header. */
const maxSecrets = 5

export async function createWebhook(
  organizationId: string,
  given: WebhookInput,
  deps: Deps,
): Promise<{ webhook: Webhook; secret: string }> {
  const input = settled(given)
  const id = createId()
  const now = deps.clock.now()
  const secret = input.secret ?? createSecret()
  check(input, [secret], deps)
  const webhook: Webhook = {
    ...columnsOf(input, id, deps),
    ...untried(now),
    id,
    organizationId,
    secrets: [sealed(secret, id, deps)],
  }
  await deps.storage.webhooks.create(webhook)
  await announce(deps)
  return { webhook, secret }
}

type Settled = WebhookInput & { format: string }
const settled = (input: WebhookInput): Settled => withFormat(withMode(input))

/** A mode and a policy that say two things are refused; the default is no policy that anybody has chosen. */
function withMode(input: WebhookInput): WebhookInput {
  const { mode, retry } = input
  if (mode === undefined || modeOf(retry) === mode) return input
  if (JSON.stringify(retry) !== JSON.stringify(defaultRetryPolicy)) {
    const allowed =
      mode === 'direct' ? 'more attempts than one, and the mode "direct" has one' : 'one attempt, and the mode "queued" has more'
    throw invalid([{ path: ['retry'], message: `allows ${allowed}; leave out one of the two` }])
  }
  return { ...input, retry: retryIn(mode) }
}

/** Chat services and PagerDuty take nothing but their own form, so their URL says which that is. */
function withFormat(input: WebhookInput): Settled {
  const format = input.format ?? formatByUrl(input.url) ?? 'tidings'
  const key = format === 'pagerduty' && input.format_settings.routing_key === undefined ? routingKeyOf(input.headers) : undefined
  return { ...input, format, format_settings: key ? { ...input.format_settings, routing_key: key } : input.format_settings }
}

/** What the patch leaves is judged as a whole: a webhook that could not have been created cannot be patched into being. */
export async function patchWebhook(organizationId: string, id: string, patch: WebhookPatch, deps: Deps): Promise<Webhook> {
  const webhook = await find(organizationId, id, deps)
  const parsed = WebhookInput.safeParse(merge(webhook, patch, deps))
  if (!parsed.success) throw invalidIn(parsed.error.issues)
  const input = settled(parsed.data)
  const secrets = input.secret ? [input.secret] : inForce(webhook.secrets, deps.clock.now()).map((one) => deps.vault.open(one.sealed, id))
  // OpenMetadata's API takes batches for every format: what it has set is judged only when it is set again
  const keepsBatch = patch.batch_size === undefined && patch.format === undefined
  check(input, secrets, deps, keepsBatch)
  const updated = await deps.storage.webhooks.update(organizationId, id, changes(patch, input, id, deps), deps.clock.now())
  if (!updated) throw notFound('webhook', id)
  await announce(deps, id)
  return updated
}

export async function removeWebhook(organizationId: string, id: string, deps: Deps): Promise<void> {
  if (!(await deps.storage.webhooks.remove(organizationId, id, deps.clock.now()))) throw notFound('webhook', id)
  await announce(deps)
}

/** The new secret signs at once, the old one beside it until the overlap has passed. */
export async function rotateSecret(
  organizationId: string,
  id: string,
  overlapSeconds: number,
  deps: Deps,
): Promise<{ webhook: Webhook; secret: string }> {
  const found = await find(organizationId, id, deps)
  const now = deps.clock.now()
  const until = now + overlapSeconds * 1000
  const secret = createSecret()
  const old = inForce(found.secrets, now).map((one) => ({ ...one, expiresAt: Math.min(one.expiresAt ?? until, until) }))
  const secrets = inForce([sealed(secret, id, deps), ...old], now).slice(0, maxSecrets)
  const webhook = await deps.storage.webhooks.update(organizationId, id, { secrets }, now)
  if (!webhook) throw notFound('webhook', id)
  await announce(deps)
  return { webhook, secret }
}

export async function find(organizationId: string, id: string, deps: Pick<Deps, 'storage'>): Promise<Webhook> {
  const webhook = await deps.storage.webhooks.find(organizationId, id)
  if (!webhook) throw notFound('webhook', id)
  return webhook
}

/** RFC 7396, for these members: absent stays, null goes back to the default. */
function merge(webhook: Webhook, patch: WebhookPatch, deps: Pick<Deps, 'vault'>): Record<string, unknown> {
  const { url, label, active, scheme, format, order, triggers, fallback, recipients } = webhook
  const limits = {
    timeout_ms: webhook.timeoutMs,
    batch_size: webhook.batchSize,
    max_in_flight: webhook.maxInFlight,
    rate_limit: webhook.rateLimit,
  }
  const merged: Record<string, unknown> = { url, label, active, scheme, format, order, triggers, fallback, recipients, ...limits, ...patch }
  merged.headers = patch.headers === null ? {} : { ...openHeaders(webhook, deps.vault), ...lowerCased(patch.headers ?? {}) }
  merged.format_settings = patch.format_settings === null ? {} : { ...openSettings(webhook, deps.vault), ...patch.format_settings }
  merged.retry = mergedRetry(webhook.retry, patch)
  return withoutNulls({
    ...merged,
    headers: withoutNulls(merged.headers),
    format_settings: withoutNulls(merged.format_settings),
    retry: withoutNulls(merged.retry),
  })
}

/** Members of one strategy mean nothing in the other. A mode alone sets the policy, and both must agree. */
function mergedRetry(stored: RetryPolicy, { retry, mode }: WebhookPatch): Record<string, unknown> | null {
  if (retry === null) return null
  if (retry?.strategy !== undefined && retry.strategy !== stored.strategy) return retry
  if (retry === undefined && mode !== undefined) return retryIn(mode ?? 'queued', stored)
  return { ...stored, ...retry }
}

const lowerCased = (headers: Record<string, string | null>) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))

function withoutNulls<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null)) as T
}

/** Only what the patch names is written, so that two patches of different members do not undo each other. */
function changes(patch: WebhookPatch, input: Settled, id: string, deps: Pick<Deps, 'vault' | 'clock'>): Columns {
  const columns = columnsOf(input, id, deps)
  const named = Object.keys(patch).map((member) => columnNames[member] ?? member)
  const changed: Columns = Object.fromEntries(Object.entries(columns).filter(([column]) => named.includes(column)))
  return input.secret ? { ...changed, secrets: [sealed(input.secret, id, deps)] } : changed
}

const columnNames: Record<string, string> = {
  timeout_ms: 'timeoutMs',
  format_settings: 'formatSettings',
  mode: 'retry',
  batch_size: 'batchSize',
  max_in_flight: 'maxInFlight',
  rate_limit: 'rateLimit',
}

const columnsOf = (input: Settled, id: string, { vault }: Pick<Deps, 'vault'>) => ({
  url: input.url,
  label: input.label,
  active: input.active,
  scheme: input.scheme,
  format: input.format,
  headers: sealedJson(input.headers, id, vault),
  formatSettings: sealedJson(input.format_settings, id, vault),
  retry: input.retry,
  timeoutMs: input.timeout_ms,
  batchSize: input.batch_size,
  order: input.order,
  maxInFlight: input.max_in_flight,
  rateLimit: input.rate_limit,
  triggers: input.triggers,
  fallback: input.fallback,
  recipients: input.recipients,
})

function check(input: Settled, secrets: string[], { policy, schemes, formats, clock }: Deps, keepsBatch = false): void {
  const errors: { path: PropertyKey[]; message: string }[] = []
  const url = policy.checkUrl(input.url)
  if (!url.ok)
    errors.push({
      path: ['url'],
      message: `${url.reason}; it must be a http(s) URL without user, password or fragment, and lead to a public address and a port of ALLOWED_PORTS`,
    })
  if (!formats.has(input.format)) errors.push({ path: ['format'], message: `must be one of ${formats.names().join(', ')}` })
  else {
    errors.push(...settingsErrors(formats.get(input.format), input.format_settings))
    if (!keepsBatch && input.batch_size > 1 && !formats.get(input.format).renderBatch)
      errors.push({ path: ['batch_size'], message: `must be 1: the format "${input.format}" has no form for several events` })
  }
  if (input.batch_size > 1 && input.order === 'entity')
    errors.push({ path: ['order'], message: 'cannot be "entity" with a batch_size above 1; "webhook" keeps the order of batches' })
  if (!choosable(schemes).includes(input.scheme))
    errors.push({ path: ['scheme'], message: `must be one of ${choosable(schemes).join(', ')}` })
  else if (!canSign(schemes.get(input.scheme), secrets, clock.now())) {
    errors.push({ path: ['secret'], message: `the scheme "${input.scheme}" needs one of another form; give it in the form of that scheme` })
  }
  if (errors.length > 0) throw invalid(errors)
}

/** A setting that the format does not know would be silently without effect: it is refused, like a wrong one. */
export function settingsErrors(format: Format, settings: Record<string, unknown>): { path: PropertyKey[]; message: string }[] {
  const parsed = (format.settings ?? z.strictObject({})).safeParse(settings)
  if (parsed.success) return []
  return parsed.error.issues.flatMap((issue) => {
    const names = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [key]) : [issue.path]
    const message = issue.code === 'unrecognized_keys' ? `is no setting of the format "${format.name}"` : issue.message
    return names.map((path) => ({ path: ['format_settings', ...path], message }))
  })
}

export const inactive = (what: string): Problem => new Problem('conflict', `${what} is not active; set \`active\` to true first`)
