import type { EventDraft } from '../../../shared/contracts/event.ts'
import { isJsonType, isUtf8, readContentType } from '../../../shared/http/content-type.ts'
import { parseJson } from '../../../shared/http/json.ts'
import { decodeHeaderValue, utf8 } from '../../../shared/payload/cloudevent.ts'
import { noData } from '../../../shared/payload/json-text.ts'
import { invalid, Problem } from '../../../shared/problem.ts'
import { readAttributes, type Report } from '../cloudevent-attributes.ts'
import { eventSlices, memberSpan, type EventSlice, type Span } from '../json-slice.ts'
import type { Limits, ReceivedRequest, SourceAdapter, SourceSample } from '../source.ts'

/**
 * CloudEvents 1.0 over HTTP: structured, batched and binary mode, told apart by Content-Type (HTTP binding §3).
 * A producer's id is unique together with its `source` only, so our dedupe id is made of both. Extensions that name an
 * entity or an actor fill the envelope (table in `shared/payload/cloudevent.ts`) and stay extensions.
 */
type DraftData = Pick<EventDraft, 'data' | 'binary'>

function parse(request: ReceivedRequest, limits: Limits): EventDraft[] {
  const type = readContentType(request.headers['content-type'])
  if (!type?.essence.startsWith('application/cloudevents')) return [parseBinary(request, limits)]
  const kind = type.essence.startsWith('application/cloudevents-batch') ? 'application/cloudevents-batch' : 'application/cloudevents'
  if (type.essence !== kind && type.essence !== `${kind}+json`)
    throw new Problem(
      'unsupported_media_type',
      `Content-Type is ${type.essence}; of the event formats only JSON is understood: ${kind}+json`,
    )
  if (!isUtf8(type.charset))
    throw new Problem('unsupported_media_type', `the charset is ${type.charset}; JSON is sent in UTF-8 (RFC 8259 §8.1)`)
  return parseStructured(request.body, kind === 'application/cloudevents-batch', limits)
}

function parseStructured(body: Uint8Array, batch: boolean, limits: Limits): EventDraft[] {
  const value = parseJson(body, limits.depth)
  if (batch && !Array.isArray(value)) throw new Problem('invalid', 'body: a batch is a JSON array of events')
  if (!batch && Array.isArray(value)) throw new Problem('invalid', 'body: several events are sent as application/cloudevents-batch+json')
  const issues: { path: PropertyKey[]; message: string }[] = []
  const drafts = eventSlices(body, value, limits).map((slice) =>
    structuredDraft(slice, (name, message) => issues.push({ path: name ? [...slice.path, name] : slice.path, message })),
  )
  if (issues.length > 0) throw invalid(issues)
  return drafts.filter((draft) => draft !== undefined)
}

function structuredDraft({ value, raw }: EventSlice, report: Report): EventDraft | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return void report('', 'must be a JSON object')
  const { data, data_base64: base64, ...attributes } = value as Record<string, unknown>
  const read = readAttributes(attributes, report)
  return read && { ...read, raw, ...memberData(raw, data ?? undefined, base64 ?? undefined, read.cloudevent?.datacontenttype, report) }
}

/** JSON format §3.1: `data` or `data_base64`; no `datacontenttype` means JSON. A null member counts as left out. */
function memberData(raw: Uint8Array, data: unknown, base64: unknown, datacontenttype: string | undefined, report: Report): DraftData {
  if (base64 !== undefined) {
    if (data !== undefined) report('data', 'stands beside data_base64; an event has one of them')
    if (!isBase64(base64)) report('data_base64', 'must be a string in base64 with padding (RFC 4648 §4)')
    return { binary: true, data: memberSpan(raw, 'data_base64') as Span }
  }
  if (data === undefined) return { data: { text: noData } }
  if (datacontenttype && typeof data !== 'string' && !isJsonType(readContentType(datacontenttype)?.essence ?? ''))
    report('data', 'must be a string, because datacontenttype is not JSON')
  return { data: memberSpan(raw, 'data') as Span }
}

const isBase64 = (value: unknown): boolean => typeof value === 'string' && value.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(value)

function parseBinary({ headers, body }: ReceivedRequest, limits: Limits): EventDraft {
  const names = Object.keys(headers).filter((name) => name.startsWith('ce-'))
  const contentType = headers['content-type']
  if (names.length === 0) {
    const wanted = 'application/cloudevents+json, application/cloudevents-batch+json, or the attributes as ce- headers'
    throw new Problem('unsupported_media_type', `Content-Type is ${contentType || 'missing'} and there are no ce- headers; send ${wanted}`)
  }
  eventSlices(body, undefined, limits)
  const issues: { path: PropertyKey[]; message: string }[] = []
  const attributes: Record<string, unknown> = contentType ? { datacontenttype: contentType } : {}
  for (const header of names) {
    const name = header.slice(3)
    const value = decodeHeaderValue(headers[header] ?? '')
    if (name === 'datacontenttype' || name === 'data')
      issues.push({ path: [header], message: 'must not be sent: the type is Content-Type and the data is the body' })
    else if (value === undefined) issues.push({ path: [header], message: 'is not UTF-8 once percent-decoded' })
    else attributes[name] = value
  }
  const read = readAttributes(attributes, (name, message) =>
    issues.push({ path: [name === 'datacontenttype' ? 'content-type' : `ce-${name}`], message }),
  )
  if (!read || issues.length > 0) throw invalid(issues)
  return { ...read, raw: body, ...bodyData(body, contentType, limits.depth) }
}

/** The body of binary mode is the data: JSON stays as it is, text becomes a JSON string, anything else base64. */
function bodyData(body: Uint8Array, contentType: string | undefined, depth: number): DraftData {
  if (body.length === 0) return { data: { text: noData } }
  const type = readContentType(contentType)
  if (type && isJsonType(type.essence)) {
    parseJson(body, depth)
    // without the byte order mark, which would be an error in the middle of another JSON text
    return { data: { start: body[0] === 0xef ? 3 : 0, end: body.length } }
  }
  const asText = type && isUtf8(type.charset) && /^text\/|[/+]xml$/.test(type.essence) ? utf8(body) : undefined
  if (asText !== undefined) return { data: { text: JSON.stringify(asText) } }
  return { binary: true, data: { text: JSON.stringify(Buffer.from(body).toString('base64')) } }
}

const structured = { 'content-type': 'application/cloudevents+json; charset=utf-8' }
const attributes =
  '"specversion":"1.0","source":"/mycontext","time":"2018-04-05T17:31:00Z","comexampleextension1":"value","comexampleothervalue":5'

// the examples of the CloudEvents JSON format, §3.2 and §4.3, and an event that names its entity
const samples: SourceSample[] = [
  {
    title: 'structured mode, JSON data',
    headers: structured,
    body: `{${attributes},"type":"com.example.someevent","subject":null,"id":"C234-1234-1234","datacontenttype":"application/json","data":{"appinfoA":"abc","appinfoB":123,"appinfoC":true}}`,
  },
  {
    title: 'structured mode, XML in a string',
    headers: structured,
    body: `{${attributes},"type":"com.example.someevent","id":"B234-1234-1234","datacontenttype":"application/xml","data":"<much wow=\\"xml\\"/>"}`,
  },
  {
    title: 'binary mode',
    headers: {
      'content-type': 'application/json',
      'ce-specversion': '1.0',
      'ce-type': 'com.example.someevent',
      'ce-source': '/mycontext',
      'ce-id': 'C234-1234-1234',
      'ce-subject': 'Euro%20%E2%82%AC',
    },
    body: '{\n  "appinfoA" : "abc",\n  "appinfoB" : 123,\n  "appinfoC" : true\n}',
  },
  {
    title: 'a batch: binary data, and an entity in extensions',
    headers: { 'content-type': 'application/cloudevents-batch+json; charset=utf-8' },
    body: `[{${attributes},"type":"com.example.someevent","id":"B1","datacontenttype":"application/vnd.apache.thrift.binary","data_base64":"gAEAAQ=="},\n {${attributes},"type":"table.updated","id":"B2","entitytype":"table","entityname":"warehouse.sales.orders","owner":"team-sales,ada","tags":"PII.Sensitive","authtype":"user","authid":"ada"}]`,
  },
]

export default {
  name: 'cloudevents',
  description: 'CloudEvents 1.0 over HTTP: structured, batched and binary mode, JSON event format.',
  scheme: null,
  parse,
  samples,
} satisfies SourceAdapter
