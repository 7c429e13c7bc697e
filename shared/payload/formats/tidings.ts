import type { Event } from '../../contracts/event.ts'
import { jsonArray } from '../batch.ts'
import type { Format, Payload, RenderContext } from '../format.ts'
import { withMember } from '../json-text.ts'

/**
 * The default payload, in the form that Standard Webhooks recommends: `type`, `timestamp` and `data` at the top, and
 * what Tidings knows of the event beside them; for a webhook that tells owners, followers or admins, `recipients` too.
 * Bytes that are not JSON stand as base64 in `data_base64` instead of `data`, the member name that CloudEvents gave to
 * the same thing.
 */
function render(event: Event, { recipients }: RenderContext): Payload {
  const { id, type, time: timestamp, source, subject, actor, entity, change } = event
  const head = { id, type, timestamp, source, subject, actor, entity, change, recipients: recipients?.get(id) }
  return { contentType: 'application/json', body: withMember(head, event.binary ? 'data_base64' : 'data', event.data) }
}

export default {
  name: 'tidings',
  description: 'Default: `{id, type, timestamp, source, subject, actor, entity, change, data}`, in the form of Standard Webhooks.',
  render,
  renderBatch: (events, context) => ({ contentType: 'application/json', body: jsonArray(events.map((event) => render(event, context))) }),
} satisfies Format
