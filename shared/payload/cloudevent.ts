import type { Entity, Event } from '../contracts/event.ts'

/**
 * What reading and writing CloudEvents 1.0 have in common. An envelope's own members have no CloudEvents attribute,
 * so they travel as extensions, the same in both directions:
 *
 * | Envelope | Extension |
 * |---|---|
 * | entity.type, .id, .name, .url | `entitytype`, `entityid`, `entityname`, `entityurl` |
 * | entity.domain | `domain` |
 * | entity.owners, entity.tags | `owner`, `tags`: names joined by commas |
 * | actor | `authid`, beside an `authtype` (the documented Auth Context extension) |
 *
 * Without `entitytype` there is no entity, and the others are extensions like any other. `change` does not travel,
 * nor does a list so long that no HTTP header would hold it.
 */
export type AttributeValue = string | number | boolean
export type Attributes = Record<string, AttributeValue>

// CloudEvents §"Type System": no controls, no noncharacters, surrogates in pairs only
const forbidden = /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/u
const everyForbidden = new RegExp(forbidden.source, 'gu')

/** Longest value of an extension, in both directions. */
export const maxExtensionLength = 4096

export const isAttributeText = (text: string): boolean => !forbidden.test(text)
export const isExtensionName = (name: string): boolean => /^[a-z0-9]{1,100}$/.test(name)

/** Native members may hold any text; as an attribute each forbidden character becomes U+FFFD. */
const attributeText = (text: string): string => text.replace(everyForbidden, '\ufffd')

// a name with a comma in it would read as two, so it is left out
const joined = (names: string[] = []): string => attributeText(names.filter((name) => !name.includes(',')).join(','))
const split = (value: AttributeValue | undefined): string[] | undefined => {
  const names = String(value ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean)
  return names.length > 0 ? names : undefined
}

function extensionsOf({ entity, actor }: Pick<Event, 'entity' | 'actor'>): Attributes {
  const found: Attributes = {}
  const add = (name: string, value: string | undefined) => {
    if (value && value.length <= maxExtensionLength) found[name] = attributeText(value)
  }
  if (entity) {
    add('entitytype', entity.type)
    add('entityid', entity.id)
    add('entityname', entity.name)
    add('entityurl', entity.url)
    add('domain', entity.domain)
    add('owner', joined(entity.owners))
    add('tags', joined(entity.tags))
  }
  if (actor) {
    add('authtype', 'unknown')
    add('authid', actor)
  }
  return found
}

/** The reverse: members of an entity that extensions name, not validated yet. */
export function entityOf(extensions: Attributes): { [K in keyof Entity]: unknown } | undefined {
  if (!extensions.entitytype) return undefined
  const text = (name: string) => (extensions[name] === undefined || extensions[name] === '' ? undefined : String(extensions[name]))
  return {
    type: text('entitytype'),
    id: text('entityid'),
    name: text('entityname'),
    url: text('entityurl'),
    domain: text('domain'),
    owners: split(extensions.owner),
    tags: split(extensions.tags),
  }
}

/** Which extension a member of the entity came from, so that a refusal names what the sender wrote. */
export const extensionOf: Record<keyof Entity, string> = {
  type: 'entitytype',
  id: 'entityid',
  name: 'entityname',
  url: 'entityurl',
  domain: 'domain',
  owners: 'owner',
  tags: 'tags',
}

/**
 * A CloudEvent is identified by `source` and `id` together (§"Required attributes"), and several producers may send
 * through one source of ours, so both make our dedupe id. A URI reference has no space: the first one ends it.
 */
export const identityOf = (source: string, id: string): string => `${source} ${id}`

/** The id the event had as a CloudEvent, so that it leaves with the identity it came with; else ours. */
function idOf({ id, sourceEventId, cloudevent }: Event): string {
  const prefix = cloudevent && identityOf(cloudevent.source, '')
  return prefix && sourceEventId?.startsWith(prefix) ? sourceEventId.slice(prefix.length) : id
}

/** All attributes of an event but `datacontenttype`, which depends on the mode. */
export function attributesOf(event: Event): Attributes {
  const { cloudevent, subject } = event
  return {
    specversion: '1.0',
    id: idOf(event),
    source: cloudevent?.source ?? `/tidings/${encodeURIComponent(event.source)}`,
    type: event.type,
    time: event.time,
    ...(subject && { subject: attributeText(subject) }),
    ...(cloudevent?.dataschema && { dataschema: cloudevent.dataschema }),
    ...extensionsOf(event),
    ...cloudevent?.extensions,
  }
}

/** HTTP binding §3.1.3.2: space, `"`, `%` and whatever is not printable ASCII, as UTF-8 in percent-encoding. */
export const encodeHeaderValue = (value: AttributeValue): string =>
  String(value).replace(/[^\x21\x23\x24\x26-\x7e]/gu, (character) =>
    [...Buffer.from(character)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  )

/**
 * The reverse: quoted strings are unquoted, then percent-encoding is undone once. Undefined when the bytes are not
 * UTF-8, which the binding says must be refused. A `%` without two digits stays, because senders exist that encode
 * nothing (the JavaScript SDK is one).
 */
export function decodeHeaderValue(value: string): string | undefined {
  const quoted = /^"((?:[^"\\]|\\.)*)"$/s.exec(value)?.[1]
  const plain = quoted === undefined ? value : quoted.replace(/\\(.)/gs, '$1')
  const bytes = plain.replace(/%([0-9A-Fa-f]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
  // node gives header bytes as Latin-1; whatever is above cannot have been a byte
  return /[^\0-\xff]/.test(bytes) ? undefined : utf8(Buffer.from(bytes, 'latin1'))
}

/** Text of bytes that are UTF-8, a byte order mark included; undefined for all others. */
export function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}
