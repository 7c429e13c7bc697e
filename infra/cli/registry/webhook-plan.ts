import { isDeepStrictEqual } from 'node:util'
import { defaultRetryPolicy, retryIn } from '../../../shared/contracts/retry.ts'
import { formatByUrl, routingKeyOf } from '../../../shared/payload/format-by-url.ts'
import { isHidden, subscriptionsOf, type Difference } from './compare.ts'
import type { Wanted, WebhookWanted } from './file.ts'
import type { Change } from './plan.ts'
import type { Present, PresentWebhook } from './present.ts'

/** A webhook as the API is asked for it, but for those that it refers to and what it subscribes to. */
export function membersOf(wanted: WebhookWanted): Record<string, unknown> {
  const { subscriptions: _, triggers: _triggers, fallback: _fallback, mode, retry, format: named, ...members } = wanted
  const format = named ?? formatByUrl(members.url) ?? 'tidings'
  // as Tidings itself does it, so that what it has made of it is no difference
  const key = format === 'pagerduty' && members.format_settings.routing_key === undefined ? routingKeyOf(members.headers) : undefined
  const format_settings = key === undefined ? members.format_settings : { ...members.format_settings, routing_key: key }
  return { ...members, format, format_settings, retry: retry ?? (mode === undefined ? defaultRetryPolicy : retryIn(mode)) }
}

/** Labels become ids; what is no label of the file is an id already. Undefined: it is only to be made. */
export const idOf = (
  name: string,
  webhooks: Pick<PresentWebhook, 'id' | 'label'>[],
  labels: Record<string, unknown>,
): string | undefined => (name in labels ? webhooks.find(({ label }) => label === name)?.id : name)

type Unknown = (...path: string[]) => boolean

export function webhookChange(name: string, wanted: WebhookWanted, present: Present, { webhooks: labels = {}, isUnknown }: Wanted): Change {
  const found = present.webhooks.find(({ label }) => label === name)
  const base = { kind: 'webhook' as const, name, differences: [], unseen: [] }
  if (!found) return { ...base, action: 'create' }
  const unknown: Unknown = (...path) => isUnknown(['webhooks', name, ...path])
  const { secret, headers, format_settings, ...plain } = membersOf(wanted)
  const differences = [
    // the format may follow from the URL
    ...plainDifferences(
      plain,
      found,
      (member) => unknown(member) || (member === 'format' && wanted.format === undefined && unknown('url')),
    ),
    ...hiddenDifferences('headers', headers as Record<string, unknown>, found.headers, unknown),
    ...hiddenDifferences('format_settings', format_settings as Record<string, unknown>, found.format_settings, unknown),
    ...relationDifferences(wanted, found, present, labels).filter(({ member }) => !unknown(member)),
    ...(unknown('subscriptions') ? [] : subscriptionDifferences(wanted, found)),
  ]
  const unseen = [
    ...(secret === undefined ? [] : ['secret']),
    ...Object.keys(headers as object).map((header) => `headers.${header}`),
    ...Object.entries(found.format_settings).flatMap(([setting, value]) => (isHidden(value) ? [`format_settings.${setting}`] : [])),
  ]
  return { ...base, id: found.id, action: differences.length > 0 ? 'change' : 'keep', differences, unseen }
}

function plainDifferences(wanted: Record<string, unknown>, found: PresentWebhook, unknown: Unknown): Difference[] {
  return Object.entries(wanted).flatMap(([member, to]) => {
    const from = found[member as keyof PresentWebhook]
    return unknown(member) || isHidden(from) || isDeepStrictEqual(from, to) ? [] : [{ member, from, to }]
  })
}

/** Of what is hidden, the name says that it is there. */
function hiddenDifferences(
  member: 'headers' | 'format_settings',
  wanted: Record<string, unknown>,
  found: Record<string, unknown>,
  unknown: Unknown,
): Difference[] {
  const names = [...new Set([...Object.keys(wanted), ...Object.keys(found)])]
  return names.flatMap((name) => {
    const [from, to] = [found[name], wanted[name]]
    if (name in wanted && name in found && (unknown(member, name) || isHidden(from) || isDeepStrictEqual(from, to))) return []
    return [{ member: `${member}.${name}`, from: from ?? null, to: to ?? null }]
  })
}

function relationDifferences(
  wanted: WebhookWanted,
  found: PresentWebhook,
  present: Present,
  labels: Record<string, unknown>,
): Difference[] {
  const idsOf = (names: string[]) => names.map((name) => idOf(name, present.webhooks, labels) ?? name).sort()
  const triggers = isDeepStrictEqual(idsOf(wanted.triggers), [...found.triggers].sort())
  const fallback = wanted.fallback === null ? null : (idOf(wanted.fallback, present.webhooks, labels) ?? wanted.fallback)
  return [
    ...(triggers ? [] : [{ member: 'triggers', from: found.triggers, to: wanted.triggers }]),
    ...(fallback === found.fallback ? [] : [{ member: 'fallback', from: found.fallback, to: wanted.fallback }]),
  ]
}

function subscriptionDifferences(wanted: WebhookWanted, found: PresentWebhook): Difference[] {
  const [from, to] = [subscriptionsOf(found.subscriptions), subscriptionsOf(wanted.subscriptions)]
  return isDeepStrictEqual(from, to) ? [] : [{ member: 'subscriptions', from, to }]
}
