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

/** The value of a member of the object that begins at `from`. Of several with the name the last counts, as in `JSON.parse`. */
export function memberSpan(json: Uint8Array, name: string, from = 0): Span | undefined {
  const open = skipSpace(json, from)
  if (json[open] !== openBrace) return undefined
  const wanted = Buffer.from(name)
  let found: Span | undefined
  let at = skipSpace(json, open + 1)
  while (at < json.length && json[at] !== closeBrace) {
    const nameEnd = skipString(json, at)
    const start = skipSpace(json, skipSpace(json, nameEnd) + 1)
    const end = skipValue(json, start)
    if (isNamed(json, at + 1, nameEnd - 1, name, wanted)) found = { start, end }
    at = afterComma(json, end)
  }
  return found
}

/** Bytes are compared as they are unless there is an escape among them: `"d\u0061ta"` is `data` too. */
function isNamed(json: Uint8Array, start: number, end: number, name: string, wanted: Uint8Array): boolean {
  const raw = json.subarray(start, end)
  if (raw.includes(backslash)) return JSON.parse(`"${Buffer.from(raw).toString()}"`) === name
  return raw.length === wanted.length && Buffer.compare(raw, wanted) === 0
}

/** One event of a request: its parsed value, its own bytes, and the path under which its fields are named. */
export type EventSlice = { value: unknown; raw: Uint8Array; path: number[] }

/** Splits a body that holds one event or an array of them, and holds it to the limits. */
export function eventSlices(body: Uint8Array, parsed: unknown, limits: Limits): EventSlice[] {
  if (!Array.isArray(parsed)) return [withinSize({ value: parsed, raw: body, path: [] }, limits)]
  if (parsed.length > limits.eventsPerRequest)
    throw new Problem('too_large', `there are ${parsed.length} events in one request; at most ${limits.eventsPerRequest} are allowed`)
  const spans = elementSpans(body)
  return parsed.map((value: unknown, index) => {
    const { start, end } = spans[index] as Span
    return withinSize({ value, raw: body.subarray(start, end), path: [index] }, limits)
  })
}

function withinSize(slice: EventSlice, limits: Limits): EventSlice {
  if (slice.raw.length <= limits.eventBytes) return slice
  const field = fieldPath(slice.path) || 'body'
  const message = `is ${slice.raw.length} bytes; an event may have ${limits.eventBytes}`
  throw new Problem('too_large', `${field}: ${message}`, { errors: [{ field, message }] })
}
