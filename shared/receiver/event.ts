import { TextDecoder } from 'node:util'

/** The JSON object that tells of one event; what its members are called is the sender's affair. */
export type ReceivedEvent = Record<string, unknown>

/** In lower case. */
export type ReceivedHeaders = Record<string, string | undefined>

export const isRecord = (value: unknown): value is ReceivedEvent => typeof value === 'object' && value !== null && !Array.isArray(value)
const text = (value: unknown): string | undefined => {
  if (typeof value === 'string' && value !== '') return value
  return typeof value === 'number' ? String(value) : undefined
}
const firstText = (...values: unknown[]): string | undefined => values.map(text).find((value) => value !== undefined)

/** The events of a request: one, or an array of them, or OpenMetadata's `{data, paging}`; undefined: it holds none. */
export function readEvents(headers: ReceivedHeaders, body: Uint8Array, binaryMode: boolean): ReceivedEvent[] | undefined {
  const value = parse(body)
  if (binaryMode && headers['ce-specversion']) return binaryEvent(headers, value ?? body)
  const elements = elementsOf(value)
  return elements.every(isRecord) ? elements : undefined
}

function elementsOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value
  if (isRecord(value) && Array.isArray(value.data) && isRecord(value.paging)) return value.data
  return [value]
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    return undefined
  }
}

/** CloudEvents in binary mode: the attributes are headers, percent-encoded, and the body is the data. */
function binaryEvent(headers: ReceivedHeaders, data: unknown): ReceivedEvent[] | undefined {
  try {
    const attributes = Object.entries(headers)
      .filter(([name, value]) => name.startsWith('ce-') && value !== undefined)
      .map(([name, value = '']) => [name.slice(3), decodeURIComponent(value)])
    return [{ ...Object.fromEntries(attributes), datacontenttype: headers['content-type'], data }]
  } catch {
    return undefined
  }
}

/** Every member that one of our formats, or one of the systems we know, has for the type of an event. */
export function typeOf(event: ReceivedEvent): string | undefined {
  const { type, event_type, eventType, subscriptionType, event: inner } = event
  if (isRecord(inner)) {
    if (text(inner.type)) return text(inner.type)
    if (text(inner.action) && text(inner.resource_type)) return `${text(inner.resource_type)}.${text(inner.action)}`
  }
  return firstText(type, event_type, eventType, subscriptionType)
}

/** CloudEvents are told apart by source and id together. */
export function idOf(event: ReceivedEvent): string | undefined {
  const id = firstText(event.id, event.eventId, event.event_id)
  return id && text(event.specversion) ? `${text(event.source)} ${id}` : id
}

/** HubSpot's `eventId` alone is not unique. */
export function hubspotId({ portalId, subscriptionId, eventId, occurredAt }: ReceivedEvent): string | undefined {
  const parts = [portalId, subscriptionId, eventId, occurredAt].map(text)
  return parts.includes(undefined) ? undefined : parts.join(':')
}
