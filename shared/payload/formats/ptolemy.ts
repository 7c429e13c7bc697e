import type { Event } from '../../contracts/event.ts'
import type { Format, Payload } from '../format.ts'
import { dataText, withMember } from '../json-text.ts'

/**
 * Ptolemy's body: `{id, event_type, created_at, data}` and nothing else. `data` is the resource, an object: an event
 * without data of its own shows its entity and change there. Bytes that are not JSON stand as a base64 string.
 */
function render(event: Event): Payload {
  const head = { id: event.id, event_type: event.type, created_at: event.time }
  return { contentType: 'application/json', body: withMember(head, 'data', dataText(event) ?? '{}') }
}

export default {
  name: 'ptolemy',
  description: 'Ptolemy: `{id, event_type, created_at, data}`.',
  render,
} satisfies Format
