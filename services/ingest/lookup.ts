import type { Lookup } from '../../shared/contracts/lookup.ts'
import { parseJson } from '../../shared/http/json.ts'
import { globMatches } from '../../shared/match.ts'
import type { PartialEvent } from '../../shared/storage/storage.ts'
import { encoded, recordOf } from './fields.ts'
import { readPointer } from './expression.ts'
import { elementSpans, isRecord, memberSpans, scalarAt } from './json-slice.ts'
import { pathValue } from './sesam/subset.ts'

/**
 * A partial event tells only that an entity changed, a lookup tells what it is now, and this says what follows from the
 * two: Sesam's `-event2` pipe, for the events of any adapter.
 *
 * | Event | Status | Outcome |
 * |---|---|---|
 * | deletion | 404 | the entity is deleted, and nothing else is known of it |
 * | deletion | allowed | the entity is deleted, and looks as the answer says |
 * | other | 404 | discarded: it came and went |
 * | other | allowed | the entity looks as the answer says |
 * | any | not allowed, or none | again later |
 */
export type LookupAnswer = { status: number; body: Uint8Array } | { error: string }
/** `text` is the event as it is now, JSON with an `_id`. */
export type LookupOutcome =
  | { action: 'accept'; deleted: boolean; text: string }
  | { action: 'discard'; reason: string }
  | { action: 'retry'; reason: string }

export type LookupRules = Pick<Lookup, 'allowed_status_codes' | 'deletion' | 'merge' | 'response_property' | 'discard'>
type Looked = Pick<PartialEvent, 'draft' | 'raw'>

export function isAllowed(status: number, codes: string): boolean {
  return codes.split(',').some((part) => {
    const [first, last = first] = part.split('-').map(Number)
    return first !== undefined && last !== undefined && status >= first && status <= last
  })
}

/** Undefined where the event lacks something that the URL needs, or has what would lead elsewhere. */
export function lookupUrl(template: string, { draft, raw }: Looked): string | undefined {
  const own: Record<string, string | undefined> = { id: draft.entity?.id, entity_type: draft.entity?.type, event_type: draft.type }
  const values = new Map<string, string | undefined>()
  for (const [, name = ''] of template.matchAll(/\{([^{}]*)\}/g))
    values.set(name, Object.hasOwn(own, name) ? own[name] : scalarAt(raw, ...(name.startsWith('/') ? (readPointer(name) ?? []) : [name])))
  // a segment of dots would be resolved away, however it is escaped
  if ([...values.values()].some((value) => value === undefined || value === '' || /^\.+$/.test(value))) return undefined
  return template.replace(/\{([^{}]*)\}/g, (_, name: string) => encoded(values.get(name) as string))
}

export function complete(partial: Looked, answer: LookupAnswer, rules: LookupRules): LookupOutcome {
  if ('error' in answer) return { action: 'retry', reason: answer.error }
  const { status, body } = answer
  if (!isAllowed(status, rules.allowed_status_codes)) return { action: 'retry', reason: `the lookup answered ${status}` }
  const deleted = isDeletion(partial, rules)
  if (status === 404 && !deleted && rules.discard) return { action: 'discard', reason: 'the lookup answered 404: the entity is not there' }
  const found = status === 404 ? Buffer.alloc(0) : body
  const fault = faultOf(found)
  if (fault) return { action: 'retry', reason: fault }
  const id = partial.draft.entity?.id ?? ''
  const members = rules.merge ? mergedMembers(found) : extendedMembers(partial.raw, found, rules.response_property)
  const own = [`"_id":${JSON.stringify(id)}`, ...(deleted ? ['"_deleted":true'] : [])]
  return { action: 'accept', deleted, text: `{${[...own, ...members.map(([name, text]) => `${JSON.stringify(name)}:${text}`)].join(',')}}` }
}

function isDeletion({ draft, raw }: Looked, { deletion }: LookupRules): boolean {
  const event = recordOf(parseJson(raw))
  if (!deletion) return event._deleted === true || /(^|\.)(deleted|deletion)$/.test(draft.type)
  const value = pathValue(event, deletion.property)
  return typeof value === 'string' && globMatches(deletion.matches, value)
}

function faultOf(body: Uint8Array): string | undefined {
  if (body.length === 0) return undefined
  try {
    parseJson(body)
    return undefined
  } catch (error) {
    return `the answer cannot be read: ${(error as Error).message}`
  }
}

/**
 * DTL `merge`: an entity or several, later ones win; members whose names begin with `_` are Sesam's own and are not
 * taken, so that an answer can neither change which entity it is about nor bring a deleted one back. Values stay as
 * they are written.
 */
function mergedMembers(body: Uint8Array): [string, string][] {
  const parts = elementSpans(body).map(({ start, end }) => body.subarray(start, end))
  const merged = (parts.length > 0 ? parts : [body]).flatMap(membersOf).filter(([name]) => !name.startsWith('_'))
  return [...new Map(merged)]
}

function extendedMembers(event: Uint8Array, body: Uint8Array, property: string): [string, string][] {
  const own = membersOf(event).filter(([name]) => name !== '_id' && name !== '_deleted')
  const text = Buffer.from(body[0] === 0xef ? body.subarray(3) : body)
    .toString()
    .trim()
  return [...new Map([...own, [property, text === '' ? 'null' : text]])]
}

const membersOf = (json: Uint8Array): [string, string][] =>
  json.length > 0 && isRecord(parseJson(json))
    ? [...memberSpans(json)].map(([name, { start, end }]) => [name, Buffer.from(json.subarray(start, end)).toString()])
    : []

const longestDelayMs = 3_600_000

/** Wait after the given number of attempts: doubled each time, shortened by chance so that not all come back at once. */
export function lookupDelay(attempts: number, baseSeconds: number, random: number, retryAfterMs = 0): number {
  const full = Math.min(baseSeconds * 1000 * 2 ** (attempts - 1), longestDelayMs)
  return Math.max(Math.round(full * (1 - random / 2)), Math.min(retryAfterMs, longestDelayMs))
}
