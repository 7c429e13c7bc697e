import { z } from 'zod'
import { Entity, type Change } from '../../shared/contracts/event.ts'
import { parseJson } from '../../shared/http/json.ts'
import { isRecord } from './json-slice.ts'

/**
 * From what a catalog wrote to what an envelope can hold. Nothing here refuses: a catalog that knows nothing of us
 * cannot mend what we do not like, and its bytes are delivered as data in any case. What does not fit is left out.
 */
export function textOf(value: unknown, maxLength = 500): string | undefined {
  const text = typeof value === 'number' ? String(value) : value
  return typeof text === 'string' && text.length > 0 && text.length <= maxLength ? text : undefined
}

/** As a part of a URI. JSON may hold half of a character (`\ud800`), of which no URI can be made: it is marked as such. */
export const encoded = (text: string): string => encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\ufffd'))

const Rfc3339 = z.iso.datetime({ offset: true })
/** Milliseconds of the year 9999's end: later years have no RFC 3339 form. */
const lastMoment = 253_402_300_799_999
const perMillisecond = { seconds: 0.001, milliseconds: 1, microseconds: 1000 }
export type TimeUnit = keyof typeof perMillisecond

/** A number in its unit, or RFC 3339 text as it is. */
export function timeOf(value: unknown, unit: TimeUnit): string | undefined {
  if (typeof value === 'string') return Rfc3339.safeParse(value).success ? value : undefined
  if (typeof value !== 'number') return undefined
  const moment = Math.floor(value / perMillisecond[unit])
  return moment >= 0 && moment <= lastMoment ? new Date(moment).toISOString() : undefined
}

/**
 * A type name that a subscription can name, from words of another system: `products/update` and `pr:opened` become
 * dotted, what else no name may hold becomes `_`. Undefined when nothing is left.
 */
export function typeName(...words: (string | undefined)[]): string | undefined {
  const name = words
    .filter((word) => word !== undefined)
    .join('.')
    .replace(/[:/]+/g, '.')
    .replace(/[^\w.-]+/g, '_')
    .split('.')
    .filter(Boolean)
    .join('.')
    .slice(0, 200)
    .replace(/\.$/, '')
  return name === '' ? undefined : name
}

/** Members that are not there are left out, so that what is stored says the same as what was sent. */
export function defined<T extends object>(members: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as never
}

type GivenEntity = { [K in keyof Entity]?: unknown }

/** Nothing without a type: filters of a subscription begin there. */
export function entityOf({ type, id, name, domain, owners, tags, url }: GivenEntity): Entity | undefined {
  const kind = textOf(type, 200)
  if (kind === undefined) return undefined
  return defined({
    type: kind,
    id: textOf(id),
    name: textOf(name, 3072),
    domain: textOf(domain),
    owners: textsOf(owners, 100),
    tags: textsOf(tags, 500),
    url: Entity.shape.url.safeParse(url).data,
  })
}

function textsOf(values: unknown, most: number): string[] | undefined {
  if (!Array.isArray(values)) return undefined
  const texts = values.map((value: unknown) => textOf(value)).filter((text) => text !== undefined)
  return texts.length > 0 ? texts.slice(0, most) : undefined
}

export type FieldChange = NonNullable<Change['added']>[number]

/** Undefined when nothing changed; a list that is empty is left out. */
export function changeOf(lists: Change): Change | undefined {
  const change = defined({ added: someOf(lists.added), updated: someOf(lists.updated), deleted: someOf(lists.deleted) })
  return Object.keys(change).length > 0 ? change : undefined
}

function someOf(changes: FieldChange[] | undefined): FieldChange[] | undefined {
  const named = changes?.filter(({ name }) => textOf(name, 3072) !== undefined)
  return named && named.length > 0 ? named.slice(0, 1000) : undefined
}

/** Objects and arrays that a catalog sends as JSON in a string (OpenMetadata); anything else as it is. */
export function unwrapped(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[[{]/.test(value)) return value
  try {
    return parseJson(Buffer.from(value))
  } catch {
    return value
  }
}

export const recordOf = (value: unknown): Record<string, unknown> => (isRecord(value) ? value : {})
