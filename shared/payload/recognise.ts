import type { Event } from '../contracts/event.ts'
import { isRecord, membersOf, parse, unwrapped } from './json-raw.ts'
import { noData } from './json-text.ts'

/**
 * Whose words an event's data is in, told by its shape: a source may have any name, and the body of one system may come
 * through another. What an adapter took from a body's frame (its id, its type) stands in the envelope, so data may be
 * the whole body or the member `data` of it.
 */
export type Json = Record<string, unknown>

/** The data as an object; undefined where it is none, or bytes. */
export function dataRecord(event: Event): Json | undefined {
  if (event.binary || !/^\s*\{/.test(event.data)) return undefined
  const value = parse(event.data)
  return isRecord(value) ? value : undefined
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

/** `{id, type, data}` and nothing else. */
export const isFoundryBody = (data: Json): boolean =>
  isText(data.id) && isText(data.type) && isRecord(data.data) && Object.keys(data).length === 3

/** The members that the router of Foundry's guide reads for each type. */
export const isFoundryData = (data: Json): boolean =>
  (isText(data.objectType) && 'primaryKey' in data) || isText(data.datasetRid) || isText(data.buildRid)

export const isPtolemyBody = (data: Json): boolean => isText(data.event_type) && isRecord(data.data) && isText(data.created_at)

export const isOpteryxBody = (data: Json): boolean =>
  isRecord(data.event) && isText(data.event.action) && isText(data.event.resource_type) && isRecord(data.data)

/** OpenMetadata's event as it is documented. */
export const isDocumentedChange = (data: Json): boolean => isText(data.eventId) && isText(data.eventType) && isRecord(data.entity)

/** OpenMetadata's event as the product sends it (schema type/changeEvent.json). */
export const isChangeEvent = (data: Json): boolean => isText(data.id) && isText(data.eventType) && isText(data.entityType)

export const isSesamEntity = (data: Json): boolean => isText(data._id)

/** What the event itself tells, without the frame of the system that it came from: the text of an object. */
export function payloadText(event: Event): string | undefined {
  const data = dataRecord(event)
  // entity and change are in the envelope, and all else of such an event is bookkeeping
  if (!data || isDocumentedChange(data) || isChangeEvent(data)) return undefined
  return isFramed(data) ? membersOf(event.data).get('data') : event.data.trim()
}

const isFramed = (data: Json): boolean => isFoundryBody(data) || isPtolemyBody(data) || isOpteryxBody(data)

export function payloadRecord(event: Event): Json | undefined {
  const text = payloadText(event)
  return text === undefined ? undefined : (parse(text) as Json)
}

/**
 * What another system is given as the content of an event: its data without the frame; of OpenMetadata's events the
 * entity, whole as it was sent. The text of any JSON value; undefined where there is none.
 */
export function contentText(event: Event): string | undefined {
  if (event.data === noData) return undefined
  const data = dataRecord(event)
  if (!data || !(isDocumentedChange(data) || isChangeEvent(data))) return payloadText(event) ?? event.data.trim()
  const entity = membersOf(event.data).get('entity')
  return entity === undefined ? undefined : unwrapped(entity).trim()
}
