import type { EventDraft } from '../../shared/contracts/event.ts'
import { isJsonType, isUtf8, readContentType } from '../../shared/http/content-type.ts'
import { parseJson } from '../../shared/http/json.ts'
import { noData } from '../../shared/payload/json-text.ts'
import { invalid, Problem } from '../../shared/problem.ts'
import { defined } from './fields.ts'
import { eventSlices, isRecord, memberSpan, type EventSlice, type Span } from './json-slice.ts'
import type { Limits, ReceivedRequest } from './source.ts'

/** Called with the member that is wrong, or none for the event as a whole. */
export type Report = (message: string, ...member: PropertyKey[]) => undefined

type Drafted = Omit<EventDraft, 'raw' | 'data'>
/** What an adapter makes of one event: its envelope, or nothing once it has reported why not. */
export type ReadEvent = (
  event: Record<string, unknown>,
  slice: EventSlice,
  report: Report,
) => { [K in keyof Drafted]: Drafted[K] | undefined } | undefined

export type ReadOptions = {
  /** Where the array of events stands, if it is not the body itself. */
  at?: readonly string[]
  /** The member that is the event's data; left out, the whole event is. */
  data?: string
}

/**
 * What catalogs send has one shape: JSON, an object or an array of them. Each is read, and all that is wrong is said at
 * once. Senders that name no media type exist; one that names another than JSON does not mean JSON.
 */
export function readEvents(request: ReceivedRequest, limits: Limits, read: ReadEvent, options: ReadOptions = {}): EventDraft[] {
  const parsed = parseBody(request, limits)
  const issues: { path: PropertyKey[]; message: string }[] = []
  const drafts = eventSlices(request.body, parsed, limits, options.at).map((slice) => {
    const report: Report = (message, ...member) => void issues.push({ path: [...slice.path, ...member], message })
    if (!isRecord(slice.value)) return report('must be a JSON object')
    const envelope = read(slice.value, slice, report)
    return envelope && (Object.assign({}, defined(envelope), { raw: slice.raw, data: dataOf(slice.raw, options.data) }) as EventDraft)
  })
  if (issues.length > 0) throw invalid(issues)
  return drafts.filter((draft) => draft !== undefined)
}

function parseBody({ headers, body }: ReceivedRequest, limits: Limits): unknown {
  const type = readContentType(headers['content-type'])
  if (type && !isJsonType(type.essence))
    throw new Problem('unsupported_media_type', `Content-Type is ${type.essence}; send application/json`)
  if (type && !isUtf8(type.charset))
    throw new Problem('unsupported_media_type', `the charset is ${type.charset}; JSON is sent in UTF-8 (RFC 8259 §8.1)`)
  return parseJson(body, limits.depth)
}

function dataOf(raw: Uint8Array, member: string | undefined): Span | { text: string } {
  if (member !== undefined) return memberSpan(raw, member) ?? { text: noData }
  // a byte order mark may begin a body and would be an error in the middle of another JSON text
  return { start: raw[0] === 0xef ? 3 : 0, end: raw.length }
}
