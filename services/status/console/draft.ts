import type { SubscriptionFilters } from '../../../shared/contracts/subscription.ts'
import type { Subscription } from '../../../shared/contracts/api/subscription.ts'
import type { Webhook } from '../../../shared/contracts/api/webhook.ts'

/** A webhook as it is written in the form: everything a text, but what is chosen. */
export type Draft = {
  url: string
  label: string
  format: string
  scheme: string
  secret: string
  timeoutSeconds: string
  attempts: string
  batchSize: string
  order: string
  maxInFlight: string
  rateLimit: string
  headers: { name: string; value: string }[]
  settings: Record<string, unknown>
  subscriptions: SubscriptionDraft[]
}
export type SubscriptionDraft = { key: string; eventType: string; filters: SubscriptionFilters }

/** As the service shows what it does not show. */
export const hidden = '[hidden]'
let lastKey = 0
export const newSubscription = (eventType = '', filters: SubscriptionFilters = {}): SubscriptionDraft => ({
  key: `s${++lastKey}`,
  eventType,
  filters,
})

export const emptyDraft = (): Draft => ({
  url: '',
  label: '',
  format: '',
  scheme: 'standard-webhooks',
  secret: '',
  timeoutSeconds: '10',
  attempts: '18',
  batchSize: '1',
  order: '',
  maxInFlight: '',
  rateLimit: '',
  headers: [],
  settings: {},
  subscriptions: [newSubscription('*')],
})

export const draftOf = (webhook: Webhook, subscriptions: Subscription[]): Draft => ({
  url: webhook.url,
  label: webhook.label ?? '',
  format: webhook.format,
  scheme: webhook.scheme,
  secret: '',
  timeoutSeconds: String(webhook.timeout_ms / 1_000),
  attempts: String(webhook.retry.strategy === 'exponential' ? webhook.retry.attempts : webhook.retry.delays_seconds.length + 1),
  batchSize: String(webhook.batch_size),
  order: webhook.order ?? '',
  maxInFlight: webhook.max_in_flight === null ? '' : String(webhook.max_in_flight),
  rateLimit: webhook.rate_limit === null ? '' : String(webhook.rate_limit),
  headers: Object.entries(webhook.headers).map(([name, value]) => ({ name, value })),
  settings: webhook.format_settings,
  subscriptions: subscriptions.map(({ event_type, filters }) => newSubscription(event_type, filters)),
})

const numberOr = <T>(text: string, otherwise: T): number | T => (text.trim() === '' ? otherwise : Number(text))

/** What is set, in the words of the API; `before`: only what differs from it. */
export function bodyOf(draft: Draft, before?: Draft): Record<string, unknown> {
  const body: Record<string, unknown> = {
    url: draft.url.trim(),
    label: draft.label.trim() || null,
    scheme: draft.scheme,
    timeout_ms: Math.round(Number(draft.timeoutSeconds) * 1_000),
    batch_size: numberOr(draft.batchSize, 1),
    order: draft.order || null,
    max_in_flight: numberOr(draft.maxInFlight, null),
    rate_limit: numberOr(draft.rateLimit, null),
    ...(draft.format && { format: draft.format }),
  }
  if (!before)
    return {
      ...body,
      retry: { strategy: 'exponential', attempts: Number(draft.attempts) },
      headers: headersOf(draft),
      format_settings: draft.settings,
      ...(draft.secret && { secret: draft.secret }),
    }
  const old = bodyOf(before)
  const changed = Object.fromEntries(Object.entries(body).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(old[name])))
  if (draft.attempts !== before.attempts) changed.retry = { strategy: 'exponential', attempts: Number(draft.attempts) }
  const [headers, settings] = [merged(headersOf(draft), headersOf(before)), merged(draft.settings, before.settings)]
  if (Object.keys(headers).length > 0) changed.headers = headers
  if (Object.keys(settings).length > 0) changed.format_settings = settings
  if (draft.secret) changed.secret = draft.secret
  return changed
}

const headersOf = ({ headers }: Draft): Record<string, unknown> =>
  Object.fromEntries(headers.filter(({ name }) => name.trim() !== '').map(({ name, value }) => [name.trim().toLowerCase(), value]))

/** A merge patch from one to the other; what was hidden and is untouched is left alone. */
function merged(now: Record<string, unknown>, before: Record<string, unknown>): Record<string, unknown> {
  const gone = Object.keys(before).filter((name) => !(name in now))
  const set = Object.entries(now).filter(([name, value]) => value !== hidden && JSON.stringify(value) !== JSON.stringify(before[name]))
  return { ...Object.fromEntries(gone.map((name) => [name, null])), ...Object.fromEntries(set) }
}

export const subscriptionsOf = ({ subscriptions }: Draft) =>
  subscriptions
    .filter(({ eventType }) => eventType.trim() !== '')
    .map(({ eventType, filters }) => ({ event_type: eventType.trim(), ...(Object.keys(filters).length > 0 && { filters }) }))
