import type { OpenMetadataWebhook } from '../../../shared/contracts/api/openmetadata.ts'
import { graphOf, prefixes, type Node } from './vocabulary.ts'

type Member = NonNullable<Node['members'][string]>
type Value = Exclude<Member, unknown[]>

/** The properties of a webhook that the documentation's vocabulary names; those that only its JSON-LD context has; all others. */
const ofVocabulary = ['webhookType', 'status', 'enabled', 'endpoint', 'monitors', 'sendsTo', 'batchSize', 'timeout']
const ofContext = ['id', 'name', 'fullyQualifiedName', 'displayName', 'owner', 'tags', 'domain', 'version', 'href']
const renamed: Record<string, string> = {
  eventFilters: 'om-webhook:hasEventFilter',
  description: 'dcterms:description',
  updatedAt: 'dcterms:modified',
  updatedBy: 'prov:wasAttributedTo',
}
const propertyOf = (name: string): string =>
  renamed[name] ?? (ofContext.includes(name) && !ofVocabulary.includes(name) ? `om:${name}` : `om-webhook:${name}`)

/** What a webhook may be that the documentation's vocabulary has no individual for. */
const individuals = {
  Custom: ['WebhookType', 'Custom'],
  RetryLimitReached: ['WebhookStatus', 'Retry Limit Reached'],
} as const

/** RDF 1.1 Turtle. */
export function turtleOf(webhooks: OpenMetadataWebhook[]): string {
  const head = Object.entries(prefixes).map(([prefix, iri]) => `@prefix ${prefix}: <${iri}> .\n`)
  const own = Object.entries(individuals)
    .filter(([name]) => webhooks.some(({ webhookType, status }) => name === webhookType || name.toLowerCase() === status.toLowerCase()))
    .map(([name, [type, label]]) => `\nom-webhook:${name} a om-webhook:${type} ;\n  rdfs:label ${quoted(label)} .\n`)
  const bodies = webhooks.map((webhook) => {
    const node = graphOf(webhook)
    return `\n<${node.id}> ${statements(node, '  ', [`rdfs:label ${quoted(webhook.displayName ?? webhook.name)}`])} .\n`
  })
  return [...head, ...own, ...bodies].join('')
}

function statements({ type, members }: Node, indent: string, more: string[] = []): string {
  const written = Object.entries(members).flatMap(([name, value]) => {
    const values = value === undefined ? [] : Array.isArray(value) ? value : [value]
    return values.length === 0 ? [] : [`${propertyOf(name)} ${values.map((one) => valueText(one, indent)).join(' , ')}`]
  })
  return [...(type === undefined ? [] : [`a ${iriText(type)}`]), ...more, ...written].join(` ;\n${indent}`)
}

function valueText(value: Value, indent: string): string {
  if ('node' in value) return `[\n${indent}  ${statements(value.node, `${indent}  `)}\n${indent}]`
  if ('ref' in value) return iriText(value.ref)
  if ('uri' in value) return `${quoted(value.uri)}^^xsd:anyURI`
  if ('time' in value) return `${quoted(new Date(value.time).toISOString())}^^xsd:dateTime`
  return 'text' in value ? quoted(value.text) : String(Object.values(value)[0])
}

/** Short where the rest is a plain name, whole where it is not (§2.4). */
function iriText(iri: string): string {
  for (const prefix of ['om-webhook', 'om-entity', 'om'] as const) {
    const local = iri.startsWith(prefixes[prefix]) ? iri.slice(prefixes[prefix].length) : undefined
    if (local !== undefined && /^[A-Za-z][A-Za-z0-9_]*$/.test(local)) return `${prefix}:${local}`
  }
  return `<${iri}>`
}

const escapes: Record<string, string> = { '\\': '\\\\', '"': '\\"', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\b': '\\b', '\f': '\\f' }

/** A string on one line (§6.4); half a character, which UTF-8 cannot say, as U+FFFD. */
function quoted(text: string): string {
  const escaped = text.replace(/[\\"\p{Cc}]/gu, (sign) => escapes[sign] ?? `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`)
  return `"${escaped.replace(/\p{Cs}/gu, '\uFFFD')}"`
}
