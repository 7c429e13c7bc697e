import { fieldPath, Problem } from '../../shared/problem.ts'
import type { Limits } from './source.ts'

/**
 * Where things stand in a JSON text, so that an event's bytes can be stored and sent on exactly as they came:
 * parsing and serialising again would round large numbers and drop duplicate members. One pass, for bytes that
 * `parseJson` has already accepted; on others the result means nothing, but it ends.
 */
export type Span = { start: number; end: number }

const [quote, backslash, comma, openBrace, closeBrace, openBracket, closeBracket] = [0x22, 0x5c, 0x2c, 0x7b, 0x7d, 0x5b, 0x5d]

function skipSpace(json: Uint8Array, from: number): number {
  let at = from
  // EF BB BF, a byte order mark: `parseJson` lets one pass at the very start
  if (at === 0 && json[0] === 0xef && json[1] === 0xbb && json[2] === 0xbf) at = 3
  while (json[at] === 0x20 || json[at] === 0x0a || json[at] === 0x0d || json[at] === 0x09) at++
  return at
}

/** From an opening quote to just after the closing one. */
function skipString(json: Uint8Array, from: number): number {
  let at = from + 1
  while (at < json.length && json[at] !== quote) at += json[at] === backslash ? 2 : 1
  return at + 1
}

function skipContainer(json: Uint8Array, from: number): number {
  let depth = 0
  let at = from
  while (at < json.length) {
    const byte = json[at]
    if (byte === quote) {
      at = skipString(json, at)
      continue
    }
    at++
    if (byte === openBrace || byte === openBracket) depth++
    else if ((byte === closeBrace || byte === closeBracket) && --depth === 0) break
  }
  return at
}

const endsScalar = (byte: number): boolean => byte === comma || byte === closeBrace || byte === closeBracket || byte <= 0x20

function skipValue(json: Uint8Array, from: number): number {
  const first = json[from]
  if (first === quote) return skipString(json, from)
  if (first === openBrace || first === openBracket) return skipContainer(json, from)
  let at = from + 1
  while (at < json.length && !endsScalar(json[at] as number)) at++
  return at
}

function afterComma(json: Uint8Array, from: number): number {
  const at = skipSpace(json, from)
  return json[at] === comma ? skipSpace(json, at + 1) : at
}

/** Each element of the array that begins at `from`; nothing when what begins there is no array. */
export function elementSpans(json: Uint8Array, from = 0): Span[] {
  const spans: Span[] = []
  const open = skipSpace(json, from)
  if (json[open] !== openBracket) return spans
  let at = skipSpace(json, open + 1)
  while (at < json.length && json[at] !== closeBracket) {
    const end = skipValue(json, at)
    spans.push({ start: at, end })
    at = afterComma(json, end)
  }
  return spans
}

type Member = { nameStart: number; nameEnd: number; value: Span }

/** Members of the object that begins at `from`, as they stand; names without their quotes. */
function* members(json: Uint8Array, from: number): Generator<Member> {
  const open = skipSpace(json, from)
  if (json[open] !== openBrace) return
  let at = skipSpace(json, open + 1)
  while (at < json.length && json[at] !== closeBrace) {
    const nameEnd = skipString(json, at)
    const start = skipSpace(json, skipSpace(json, nameEnd) + 1)
    const end = skipValue(json, start)
    yield { nameStart: at + 1, nameEnd: nameEnd - 1, value: { start, end } }
    at = afterComma(json, end)
  }
}

/** The value of a member of the object that begins at `from`. Of several with the name the last counts, as in `JSON.parse`. */
export function memberSpan(json: Uint8Array, name: string, from = 0): Span | undefined {
  const wanted = Buffer.from(name)
  let found: Span | undefined
  for (const { nameStart, nameEnd, value } of members(json, from)) if (isNamed(json, nameStart, nameEnd, name, wanted)) found = value
  return found
}

/** All members of the object that a text holds, by name; of several with one name the last. */
export function memberSpans(json: Uint8Array): Map<string, Span> {
  const spans = new Map<string, Span>()
  for (const { nameStart, nameEnd, value } of members(json, 0))
    spans.set(JSON.parse(`"${Buffer.from(json.subarray(nameStart, nameEnd)).toString()}"`), value)
  return spans
}

/** The value that a path of member names and indexes leads to (RFC 6901 §4, the tokens unescaped). */
export function spanAt(json: Uint8Array, path: readonly string[]): Span | undefined {
  let span: Span | undefined = { start: 0, end: json.length }
  for (const token of path) {
    const isArray: boolean = json[skipSpace(json, span.start)] === openBracket
    if (isArray) span = /^(0|[1-9]\d{0,8})$/.test(token) ? elementSpans(json, span.start)[Number(token)] : undefined
    else span = memberSpan(json, token, span.start)
    if (!span) return undefined
  }
  return span
}

/** A string, number or boolean as text, numbers as they are written: an id beyond 2^53 must not become its neighbour. */
export function scalarAt(json: Uint8Array, ...path: string[]): string | undefined {
  const span = spanAt(json, path)
  if (!span) return undefined
  const text = Buffer.from(json.subarray(span.start, span.end)).toString()
  if (text.startsWith('"')) return JSON.parse(text)
  return /^[-\dtf]/.test(text) ? text : undefined
}

/** Bytes are compared as they are unless there is an escape among them: `"d\u0061ta"` is `data` too. */
function isNamed(json: Uint8Array, start: number, end: number, name: string, wanted: Uint8Array): boolean {
  const raw = json.subarray(start, end)
  if (raw.includes(backslash)) return JSON.parse(`"${Buffer.from(raw).toString()}"`) === name
  return raw.length === wanted.length && Buffer.compare(raw, wanted) === 0
}

/** One event of a request: its parsed value, its own bytes, and the path under which its fields are named. */
export type EventSlice = { value: unknown; raw: Uint8Array; path: PropertyKey[] }

/**
 * Splits a body that holds one event or an array of them, and holds it to the limits. With `at`, the array may stand
 * there too (`{"data": […], "paging": …}`); a body that is no array and has none there is one event.
 */
export function eventSlices(body: Uint8Array, parsed: unknown, limits: Limits, at: readonly string[] = []): EventSlice[] {
  const path = Array.isArray(parsed) ? [] : at
  const value = path.reduce<unknown>((inner, name) => (isRecord(inner) ? inner[name] : undefined), parsed)
  if (!Array.isArray(value)) return [withinSize({ value: parsed, raw: body, path: [] }, limits)]
  if (value.length > limits.eventsPerRequest)
    throw new Problem('too_large', `there are ${value.length} events in one request; at most ${limits.eventsPerRequest} are allowed`)
  const spans = elementSpans(body, spanAt(body, path)?.start)
  return value.map((element: unknown, index) => {
    const { start, end } = spans[index] as Span
    return withinSize({ value: element, raw: body.subarray(start, end), path: [...path, index] }, limits)
  })
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function withinSize(slice: EventSlice, limits: Limits): EventSlice {
  if (slice.raw.length <= limits.eventBytes) return slice
  const field = fieldPath(slice.path) || 'body'
  const message = `is ${slice.raw.length} bytes; an event may have ${limits.eventBytes}`
  throw new Problem('too_large', `${field}: ${message}`, { errors: [{ field, message }] })
}
