import { isDeepStrictEqual } from 'node:util'
import { secretMask, type OpenMetadataChange, type OpenMetadataWebhook } from '../../../shared/contracts/api/openmetadata.ts'
import { maskHeaders, maskedUrl } from './entity.ts'

type Members = Record<string, unknown>

/** Members of the moment and of the server: no part of what a version says. */
const unversioned = new Set(['id', 'href', 'status', 'failureDetails', 'version', 'updatedAt', 'updatedBy', 'changeDescription'])

/**
 * What a change did, field by field; undefined when nothing. Secrets are compared as they were given, and told as masks:
 * a new secret is a change like any other.
 */
export function describeChange(before: Partial<OpenMetadataWebhook>, after: Partial<OpenMetadataWebhook>): OpenMetadataChange | undefined {
  const [old, now] = [fieldsOf(before), fieldsOf(after)]
  const change: OpenMetadataChange = { fieldsAdded: [], fieldsUpdated: [], fieldsDeleted: [], previousVersion: before.version ?? 0.1 }
  for (const name of new Set([...Object.keys(old), ...Object.keys(now)])) {
    const [oldValue, newValue] = [old[name] ?? undefined, now[name] ?? undefined]
    if (isDeepStrictEqual(oldValue, newValue)) continue
    const [was, is] = [masked(name, oldValue), masked(name, newValue)]
    if (oldValue === undefined) change.fieldsAdded.push({ name, newValue: is })
    else if (newValue === undefined) change.fieldsDeleted.push({ name, oldValue: was })
    else change.fieldsUpdated.push({ name, oldValue: was, newValue: is })
  }
  const { fieldsAdded, fieldsUpdated, fieldsDeleted } = change
  return fieldsAdded.length + fieldsUpdated.length + fieldsDeleted.length > 0 ? change : undefined
}

const configPrefix = 'webhookConfig.'

function fieldsOf({ webhookConfig, ...members }: Members): Members {
  const config = Object.entries((webhookConfig ?? {}) as Members).map(([name, value]) => [configPrefix + name, value])
  return Object.fromEntries([...Object.entries(members).filter(([name]) => !unversioned.has(name)), ...config]) as Members
}

function masked(name: string, value: unknown): unknown {
  if (value === undefined) return undefined
  if (name === `${configPrefix}secretKey`) return secretMask
  if (name === `${configPrefix}endpoint`) return maskedUrl(value as string)
  return name === `${configPrefix}headers` ? maskHeaders(value as Record<string, string>) : value
}

/** What is kept of a version. */
export const snapshotOf = ({ href: _, status: __, failureDetails: ___, ...shown }: OpenMetadataWebhook): Members => shown

/** As it is shown, whatever was given. */
export function maskEntity(entity: OpenMetadataWebhook): OpenMetadataWebhook {
  const { endpoint, secretKey, headers, ...config } = entity.webhookConfig
  const secrets = { ...(secretKey && { secretKey: secretMask }), ...(headers && { headers: maskHeaders(headers) }) }
  return { ...entity, webhookConfig: { ...config, endpoint: maskedUrl(endpoint), ...secrets } }
}
