import type { OpenMetadataWebhook } from '../../../shared/contracts/api/openmetadata.ts'
import { context, graphOf, prefixes, type Node } from './vocabulary.ts'

type Member = NonNullable<Node['members'][string]>
type Value = Exclude<Member, unknown[]>
type Json = Record<string, unknown>

/** JSON-LD 1.1: one webhook as a node, several as a graph. */
export function jsonLdOf(webhooks: OpenMetadataWebhook | OpenMetadataWebhook[]): Json {
  if (!Array.isArray(webhooks)) return { '@context': context, ...nodeJson(graphOf(webhooks), true) }
  return { '@context': context, '@graph': webhooks.map((webhook) => nodeJson(graphOf(webhook), true)) }
}

function nodeJson({ id, type, members }: Node, isWebhook = false): Json {
  const named = type === undefined ? undefined : shortened(type)
  return {
    ...(id !== undefined && { '@id': id }),
    // the documentation's context has a meaning of its own for this word
    ...(named !== undefined && { '@type': isWebhook ? 'Webhook' : named }),
    ...Object.fromEntries(
      Object.entries(members).flatMap(([name, value]) => (value === undefined || isEmpty(value) ? [] : [[name, memberJson(name, value)]])),
    ),
  }
}

const isEmpty = (value: Member) => Array.isArray(value) && value.length === 0
const memberJson = (name: string, value: Member): unknown =>
  Array.isArray(value) ? value.map((one) => valueJson(name, one)) : valueJson(name, value)

/** Members that the context gives a type are written plainly; the others say theirs. */
function valueJson(name: string, value: Value): unknown {
  const isTyped = Object.hasOwn(context, name)
  if ('node' in value) return nodeJson(value.node)
  if ('ref' in value) return isTyped ? shortened(value.ref) : { '@id': value.ref }
  if ('uri' in value) return isTyped ? value.uri : { '@value': value.uri, '@type': 'xsd:anyURI' }
  if ('time' in value) return new Date(value.time).toISOString()
  return Object.values(value)[0]
}

/** Of the documentation's prefixes, the context has `om` for all that is OpenMetadata's. */
const shortened = (iri: string) => (iri.startsWith(prefixes.om) ? `om:${iri.slice(prefixes.om.length)}` : iri)
