import type { Event } from '../../contracts/event.ts'
import type { Format, Payload } from '../format.ts'
import { dataText, withMember } from '../json-text.ts'
import { dataRecord, isPtolemyBody } from '../recognise.ts'

/**
 * Ptolemy's body: `{id, event_type, created_at, data}` and nothing else. `data` is the resource, an object: an event
 * without data of its own shows its entity and change there. Bytes that are not JSON stand as a base64 string. What came
 * from Ptolemy leaves under the id it came with.
 */
function render(event: Event): Payload {
  const data = dataRecord(event)
  const contentType = 'application/json'
  if (data && isPtolemyBody(data)) return { contentType, body: Buffer.from(event.data) }
  const id = (data && isOwnType(event.type) && ownId(event)) || event.id
  const head = { id, event_type: event.type, created_at: event.time }
  return { contentType, body: withMember(head, 'data', dataText(event) ?? '{}') }
}

/** Ptolemy's resources, as its reference lists them: their data has no member that all of them share. */
const resources = /^(instrument|market|market_listing|market_listing_suspension|time_series_value|composite_time_series_value|membership)\./
const isOwnType = (type: string): boolean => resources.test(type)

/** A delivery that came without an id is known to us by its signature, which was never an id to anyone else. */
const ownId = ({ sourceEventId }: Event): string | undefined => (sourceEventId?.startsWith('t=') ? undefined : sourceEventId)

export default {
  name: 'ptolemy',
  description: 'Ptolemy: `{id, event_type, created_at, data}`.',
  render,
} satisfies Format
