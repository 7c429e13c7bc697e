import type { Event } from './contracts/event.ts'
import { isRecord, parse } from './payload/json-raw.ts'
import { contentText, dataRecord, isChangeEvent, isDocumentedChange } from './payload/recognise.ts'
import type { DirectoryEntry, DirectoryKind, DirectoryQuestion, DirectoryStore } from './storage/directory.ts'
import type { Recipients } from './storage/storage.ts'

/** Who is to be told of an event, as receivers get them. Of somebody who is not in the directory there is no more than the name. */
export type Recipient = { type: DirectoryKind; name: string; display_name?: string; email?: string }
export type ResolvedRecipients = {
  people: Recipient[]
  /** Webhooks of their own, of those who have one. */
  webhookIds: string[]
}

/** As an event names somebody: a name alone does not say whether it is a user's or a team's. */
type Mention = { kind?: DirectoryKind; name: string; displayName?: string }

/** What has to be looked up in the directory before `resolveRecipients` can tell. */
export function questionOf(event: Event, kinds: readonly Recipients[]): DirectoryQuestion {
  return { names: [...new Set(mentionsIn(event, kinds).map(({ name }) => name))], admins: kinds.includes('admins') }
}

/**
 * Owners, followers and admins of what the event is about, each once, in that order. A team stands with its users after
 * it. Pure: `directory` holds at least what `questionOf` asks for.
 */
export function resolveRecipients(event: Event, kinds: readonly Recipients[], directory: readonly DirectoryEntry[]): ResolvedRecipients {
  const known = new Map(directory.map((entry) => [keyOf(entry), entry]))
  const people = new Map<string, Recipient>()
  const webhookIds = new Set<string>()

  function add({ kind, name, displayName }: Mention): void {
    const type = kind ?? (!known.has(keyOf({ kind: 'user', name })) && known.has(keyOf({ kind: 'team', name })) ? 'team' : 'user')
    const key = keyOf({ kind: type, name })
    if (people.has(key)) return
    const entry = known.get(key)
    const shownName = entry?.displayName ?? displayName
    people.set(key, { type, name, ...(shownName && { display_name: shownName }), ...(entry?.email && { email: entry.email }) })
    if (entry?.webhookId) webhookIds.add(entry.webhookId)
    for (const member of entry?.members ?? []) add({ kind: 'user', name: member })
  }

  for (const mention of mentionsIn(event, kinds)) add(mention)
  if (kinds.includes('admins')) for (const { kind, name } of directory.filter(({ isAdmin }) => isAdmin)) add({ kind, name })
  return { people: [...people.values()], webhookIds: [...webhookIds] }
}

/** Both together, for who has the store. */
export async function findRecipients(
  event: Event,
  kinds: readonly Recipients[],
  directory: Pick<DirectoryStore, 'lookUp'>,
): Promise<ResolvedRecipients> {
  const question = questionOf(event, kinds)
  const isEmpty = question.names.length === 0 && !question.admins
  return resolveRecipients(event, kinds, isEmpty ? [] : await directory.lookUp(event.organizationId, question))
}

const keyOf = ({ kind, name }: Pick<DirectoryEntry, 'kind' | 'name'>) => `${kind} ${name}`

function mentionsIn(event: Event, kinds: readonly Recipients[]): Mention[] {
  if (!kinds.includes('owners') && !kinds.includes('followers')) return []
  const body = bodyOf(event)
  return [
    ...(kinds.includes('owners') ? ownersOf(event, body) : []),
    ...(kinds.includes('followers') ? listOf(body?.followers).flatMap(mentionOf) : []),
  ]
}

/** The entity that OpenMetadata sends; of other events what they say themselves. */
function bodyOf(event: Event): Record<string, unknown> | undefined {
  if (event.binary) return undefined
  const text = contentText(event)
  const body = text?.startsWith('{') ? parse(text) : undefined
  return isRecord(body) ? body : undefined
}

/** An entity of OpenMetadata says who is a user and who a team; the envelope has names alone. */
function ownersOf(event: Event, body: Record<string, unknown> | undefined): Mention[] {
  const data = dataRecord(event)
  const isTheirs = data !== undefined && (isDocumentedChange(data) || isChangeEvent(data))
  const told = isTheirs ? listOf(body?.owners ?? body?.owner).flatMap(mentionOf) : []
  return told.length > 0 ? told : (event.entity?.owners ?? []).map((name) => ({ name }))
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : value === undefined || value === null ? [] : [value])

function mentionOf(value: unknown): Mention[] {
  if (typeof value === 'string') return value === '' ? [] : [{ name: value }]
  if (!isRecord(value) || value.deleted === true) return []
  const { type, displayName } = value
  const name = [value.name, value.fullyQualifiedName, value.id].find((text) => typeof text === 'string' && text !== '')
  if (name === undefined) return []
  return [
    {
      name: name as string,
      ...(typeof type === 'string' && { kind: type === 'team' ? 'team' : 'user' }),
      ...(typeof displayName === 'string' && { displayName }),
    },
  ]
}
