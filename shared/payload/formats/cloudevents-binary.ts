import type { Event } from '../../contracts/event.ts'
import { isJsonType, readContentType } from '../../http/content-type.ts'
import { attributesOf, encodeHeaderValue } from '../cloudevent.ts'
import type { Format, Payload } from '../format.ts'
import { dataText, noData } from '../json-text.ts'

/**
 * CloudEvents 1.0 in binary mode (HTTP binding §3.1): attributes in `ce-` headers, the body is the data and the
 * Content-Type its type. Where the event names no type, JSON is said to be JSON, as the JSON format §3.1.2 asks of
 * whoever changes the mode, and bytes are said to be bytes. Which data an event has is told in `cloudevents.ts`.
 */
function render(event: Event): Payload {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(attributesOf(event))) headers[`ce-${name}`] = encodeHeaderValue(value)
  const data = (event.cloudevent ? event.data : dataText(event)) ?? noData
  const contentType = event.cloudevent?.datacontenttype ?? (event.binary ? 'application/octet-stream' : 'application/json')
  return { contentType, headers, body: bytesOf(data, event.binary === true, contentType) }
}

function bytesOf(data: string, binary: boolean, contentType: string): Buffer {
  if (data === noData) return Buffer.alloc(0)
  if (binary) return Buffer.from(JSON.parse(data) as string, 'base64')
  if (isJsonType(readContentType(contentType)?.essence ?? '')) return Buffer.from(data)
  // JSON format §3.1.1: what is not JSON stands in `data` as a string of the content
  const value: unknown = JSON.parse(data)
  return Buffer.from(typeof value === 'string' ? value : data)
}

export default {
  name: 'cloudevents-binary',
  description: 'CloudEvents 1.0, binary mode: attributes in `ce-` headers, the body is the data.',
  render,
} satisfies Format
