import { isDeepStrictEqual } from 'node:util'
import {
  secretMask,
  type OpenMetadataConfig,
  type OpenMetadataInput,
  type OpenMetadataWebhook,
} from '../../../shared/contracts/api/openmetadata.ts'
import type { RetryPolicy } from '../../../shared/contracts/retry.ts'
import { formatByUrl, routingKeyOf } from '../../../shared/payload/format-by-url.ts'
import { invalid } from '../../../shared/problem.ts'
import type { Recipients, Webhook, WebhookPatch } from '../../../shared/storage/storage.ts'
import type { StatusDeps } from '../deps.ts'
import { openHeaders } from '../shape.ts'
import { sealed, sealedJson } from '../webhook-row.ts'
import { formatOf, isContentType, maskedUrl } from './entity.ts'
import { relationColumns } from './relations.ts'

type Deps = Pick<StatusDeps, 'vault' | 'clock' | 'policy'>
type Changed = Partial<OpenMetadataInput>

/** 1 m, 5 m, 15 m, 1 h, 4 h, 12 h, each from the attempt before. Exactly: it is documented to the minute. */
export const openMetadataRetry: RetryPolicy = {
  strategy: 'schedule',
  delays_seconds: [60, 300, 900, 3_600, 14_400, 43_200],
  jitter: 0,
  honour_retry_after: true,
}
export const openMetadataScheme = 'openmetadata'

/** The columns of a new webhook, whose references are resolved. */
export function newColumns(input: OpenMetadataInput, id: string, deps: Deps) {
  const { endpoint, secretKey, headers = {}, timeout } = input.webhookConfig
  const url = checkedUrl(endpoint, deps)
  const sent = sentHeaders(headers, {})
  if (secretKey === secretMask) throw masked(['webhookConfig', 'secretKey'])
  return {
    url,
    label: input.name,
    active: input.enabled,
    scheme: openMetadataScheme,
    ...formatColumns(input.webhookType, url, sent, id, deps),
    secrets: secretKey ? [sealed(secretKey, id, deps)] : [],
    headers: sealedJson(sent, id, deps.vault),
    retry: openMetadataRetry,
    timeoutMs: timeout * 1000,
    batchSize: input.batchSize,
    order: null,
    maxInFlight: null,
    rateLimit: null,
    ...relationColumns(input),
    recipients: recipientsOf(input.webhookConfig),
  }
}

/** The columns that a patch changes; no others, so that what the native API has set stays as it is. */
export function changedColumns(webhook: Webhook, before: OpenMetadataWebhook, changed: Changed, deps: Deps): WebhookPatch {
  const { triggers, fallback } = relationColumns(changed)
  const columns: WebhookPatch = {
    ...(changed.name !== undefined && { label: changed.name }),
    ...(changed.enabled !== undefined && { active: changed.enabled }),
    ...(changed.batchSize !== undefined && { batchSize: checkedBatch(changed.batchSize, webhook) }),
    ...('triggers' in changed && { triggers }),
    ...('fallback' in changed && { fallback }),
    ...(changed.webhookConfig && configColumns(webhook, before.webhookConfig, changed.webhookConfig, deps)),
  }
  const touchesFormat = changed.webhookType !== undefined || columns.url !== undefined || columns.headers !== undefined
  const isOurs = ['openmetadata', 'pagerduty'].includes(webhook.format) && webhook.scheme === openMetadataScheme
  if (!touchesFormat || !(isOurs || changed.webhookType)) return columns
  const sent = openHeaders({ id: webhook.id, headers: columns.headers === undefined ? webhook.headers : columns.headers }, deps.vault)
  return { ...columns, ...formatColumns(changed.webhookType ?? before.webhookType, columns.url ?? webhook.url, sent, webhook.id, deps) }
}

function configColumns(webhook: Webhook, before: OpenMetadataConfig, after: OpenMetadataConfig, deps: Deps): WebhookPatch {
  const { endpoint, secretKey, headers = {}, timeout } = after
  const own = openHeaders(webhook, deps.vault)
  const sent = sentHeaders(headers, own)
  const hasOtherHeaders = JSON.stringify(Object.entries(sent).sort()) !== JSON.stringify(Object.entries(own).sort())
  return {
    ...(endpoint !== before.endpoint && { url: checkedUrl(endpoint, deps) }),
    ...(timeout !== before.timeout && { timeoutMs: timeout * 1000 }),
    ...(!isDeepStrictEqual(recipientsOf(after), recipientsOf(before)) && { recipients: recipientsOf(after) }),
    ...(hasOtherHeaders && { headers: sealedJson(sent, webhook.id, deps.vault) }),
    ...(secretKey !== before.secretKey && secretColumns(webhook, secretKey, deps)),
  }
}

const recipientsOf = (config: OpenMetadataConfig): Recipients[] => [
  ...(config.sendToOwners ? (['owners'] as const) : []),
  ...(config.sendToFollowers ? (['followers'] as const) : []),
  ...(config.sendToAdmins ? (['admins'] as const) : []),
]

function checkedBatch(batchSize: number, { order }: Webhook): number {
  if (batchSize > 1 && order === 'entity')
    throw invalid([{ path: ['batchSize'], message: 'must be 1: the native API has this webhook deliver in the order of each entity' }])
  return batchSize
}

/** A key that is given here is a key of OpenMetadata's signature, whatever was signed with before. */
function secretColumns({ id, secrets }: Webhook, given: string | undefined, deps: Deps): WebhookPatch {
  if (given === secretMask && secrets.length === 0) throw masked(['webhookConfig', 'secretKey'])
  return { scheme: openMetadataScheme, secrets: given ? [sealed(given, id, deps)] : [] }
}

/** A mask stands for the value that is there under the same name. `content-type` is sent in any case. */
function sentHeaders(given: Record<string, string>, own: Record<string, string>): Record<string, string> {
  const sent = Object.entries(given).filter(([name]) => !isContentType(name))
  return Object.fromEntries(
    sent.map(([name, value]) => {
      const kept = own[name.toLowerCase()]
      if (value === secretMask && kept === undefined) throw masked(['webhookConfig', 'headers', name])
      return [name.toLowerCase(), value === secretMask ? (kept as string) : value]
    }),
  )
}

const masked = (path: string[]) => invalid([{ path, message: 'is a mask, and there is no value here that it could stand for' }])

function checkedUrl(endpoint: string, { policy }: Pick<Deps, 'policy'>): string {
  const path = ['webhookConfig', 'endpoint']
  const url = policy.checkUrl(endpoint)
  if (!url.ok)
    throw invalid([
      {
        path,
        message: `${url.reason}; it must be a http(s) URL without user, password or fragment, and lead to a public address and a port of ALLOWED_PORTS`,
      },
    ])
  if (endpoint.includes('***') && maskedUrl(endpoint) === endpoint)
    throw invalid([{ path, message: 'has masks in it; give the whole URL' }])
  return endpoint
}

/** PagerDuty takes nothing but its own body: the example of the documentation works because host and key are recognised. */
function formatColumns(type: OpenMetadataInput['webhookType'], url: string, headers: Record<string, string>, id: string, deps: Deps) {
  const format = formatOf(type)
  const key = format === 'openmetadata' && formatByUrl(url) === 'pagerduty' ? routingKeyOf(headers) : undefined
  return key === undefined
    ? { format, formatSettings: null }
    : { format: 'pagerduty', formatSettings: sealedJson({ routing_key: key }, id, deps.vault) }
}
