import type { OpenMetadataWebhook } from '../../../shared/contracts/api/openmetadata.ts'

/** OpenMetadata's words for its webhook entity as linked data, from its documentation. */
export const prefixes = {
  om: 'https://open-metadata.org/schema/',
  'om-entity': 'https://open-metadata.org/schema/entity/',
  'om-webhook': 'https://open-metadata.org/schema/entity/events/',
  rdf: 'http://www.w3.org/1999/02/22-rdf-syntax-ns#',
  rdfs: 'http://www.w3.org/2000/01/rdf-schema#',
  owl: 'http://www.w3.org/2002/07/owl#',
  xsd: 'http://www.w3.org/2001/XMLSchema#',
  dcterms: 'http://purl.org/dc/terms/',
  skos: 'http://www.w3.org/2004/02/skos/core#',
  prov: 'http://www.w3.org/ns/prov#',
} as const

const { 'om-entity': entityBase, 'om-webhook': _, ...named } = prefixes
const typed = (id: string, type: string) => ({ '@id': id, '@type': type })
const setOf = (id: string) => ({ '@id': id, '@type': '@id', '@container': '@set' })

/** The context of the documentation, member for member. */
export const context = {
  '@vocab': prefixes['om-webhook'],
  ...named,
  Webhook: typed('om:Webhook', '@id'),
  id: typed('om:id', 'xsd:string'),
  name: typed('om:name', 'xsd:string'),
  fullyQualifiedName: typed('om:fullyQualifiedName', 'xsd:string'),
  displayName: typed('om:displayName', 'xsd:string'),
  description: typed('dcterms:description', 'xsd:string'),
  webhookType: typed('om:webhookType', '@id'),
  status: typed('om:status', '@id'),
  enabled: typed('om:enabled', 'xsd:boolean'),
  batchSize: typed('om:batchSize', 'xsd:integer'),
  eventFilters: setOf('om:hasEventFilter'),
  monitors: setOf('om:monitors'),
  sendsTo: typed('om:sendsTo', '@id'),
  owner: typed('om:owner', '@id'),
  tags: setOf('om:tags'),
  domain: typed('om:domain', '@id'),
  version: typed('om:version', 'xsd:string'),
  updatedAt: typed('dcterms:modified', 'xsd:dateTime'),
  updatedBy: typed('prov:wasAttributedTo', 'xsd:string'),
  href: typed('om:href', 'xsd:anyURI'),
}

/** What an RDF view of a webhook says, whichever way it is written. References are whole IRIs; a node has members of its own. */
export type Node = {
  /** Of a webhook; what it holds is known by its place alone. */
  id?: string
  type?: string
  members: Partial<Record<string, Value | Value[]>>
}
type Value =
  | { text: string }
  | { flag: boolean }
  | { integer: number }
  | { time: number }
  | { uri: string }
  | { ref: string }
  | { node: Node }

type Reference = NonNullable<OpenMetadataWebhook['owner']>
type Filter = OpenMetadataWebhook['eventFilters'][number]

/** The entity as a graph. Members have the names of the JSON; each way of writing knows their IRIs. */
export function graphOf(webhook: OpenMetadataWebhook): Node {
  const { owner, domain, displayName, description, fallback } = webhook
  const related = (reference: { id?: string | undefined }) => ({ ref: webhook.href.replace(/[^/]*$/, reference.id ?? '') })
  return {
    id: webhook.href,
    type: `${prefixes['om-webhook']}Webhook`,
    members: {
      id: { text: webhook.id },
      name: { text: webhook.name },
      fullyQualifiedName: { text: webhook.fullyQualifiedName },
      ...(displayName !== undefined && { displayName: { text: displayName } }),
      ...(description !== undefined && { description: { text: description } }),
      webhookType: { ref: individual(webhook.webhookType) },
      status: { ref: individual(webhook.status) },
      enabled: { flag: webhook.enabled },
      batchSize: { integer: webhook.batchSize },
      eventFilters: webhook.eventFilters.map((filter) => ({ node: filterNode(filter) })),
      monitors: monitored(webhook.eventFilters).map((ref) => ({ ref })),
      sendsTo: { ref: iri(webhook.webhookConfig.endpoint) },
      endpoint: { uri: iri(webhook.webhookConfig.endpoint) },
      timeout: { integer: webhook.webhookConfig.timeout },
      ...(owner && { owner: { node: referenceNode(owner) } }),
      tags: (webhook.tags ?? []).map(({ tagFQN }) => ({ node: { members: { tagFQN: { text: tagFQN } } } })),
      ...(domain && { domain: { node: referenceNode(domain) } }),
      triggers: (webhook.triggers ?? []).map(related),
      ...(fallback && { fallback: related(fallback) }),
      version: { text: String(webhook.version) },
      updatedAt: { time: webhook.updatedAt },
      updatedBy: { text: webhook.updatedBy },
      href: { uri: webhook.href },
      deleted: { flag: webhook.deleted },
    },
  }
}

/** The individuals of types and statuses are written like classes: `awaitingRetry` is `AwaitingRetry`. */
const individual = (word: string) => `${prefixes['om-webhook']}${word.charAt(0).toUpperCase()}${word.slice(1)}`

function filterNode({ eventType, entities = [], include = [], exclude = [] }: Filter): Node {
  const texts = (values: string[]) => values.map((text) => ({ text }))
  return {
    type: `${prefixes['om-webhook']}EventFilter`,
    members: { eventType: { text: eventType }, entities: texts(entities), include: texts(include), exclude: texts(exclude) },
  }
}

/** Kinds of entities that any filter looks at; all of them are `om-entity:Entity`. */
function monitored(filters: Filter[]): string[] {
  const kinds = filters.flatMap(({ entities }) => entities ?? ['*'])
  return [...new Set(kinds)].map((kind) => entityBase + (kind === '*' ? 'Entity' : segment(kind)))
}

function referenceNode({ href, type, id, name, fullyQualifiedName, displayName }: Reference): Node {
  const texts = { id, name, fullyQualifiedName, displayName }
  const given = Object.entries(texts).flatMap(([member, text]) => (text === undefined ? [] : [[member, { text }] as const]))
  const members = { ...Object.fromEntries(given), ...(href !== undefined && { href: { uri: iri(href) } }) }
  return { type: entityBase + segment(type), members }
}

/** What no IRI may have (RFC 3987 §2.2; Turtle §6.4) is written with percent signs. */
const iri = (url: string): string => url.replace(/[\p{Cc}\p{Cs} <>"{}|^`\\]/gu, segment)

/** A word as a part of an IRI; half a character, which UTF-8 cannot say, as U+FFFD. */
const segment = (word: string): string => encodeURIComponent(word.replace(/\p{Cs}/gu, '\uFFFD'))
