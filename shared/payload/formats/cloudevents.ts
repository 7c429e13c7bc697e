import type { Event } from '../../contracts/event.ts'
import { jsonArray } from '../batch.ts'
import { attributesOf } from '../cloudevent.ts'
import type { Format, Payload } from '../format.ts'
import { dataText, noData, withMember } from '../json-text.ts'

/**
 * CloudEvents 1.0 in structured mode, JSON event format. An event that came as a CloudEvent leaves as the same one:
 * same id, source and extensions, data untouched. Any other becomes one: its source is `/tidings/<source>`, its data
 * the event's data or, when it has none, an object with its entity and change; `../cloudevent.ts` has the extensions.
 * Several are a JSON array of these (HTTP binding §3.3, batched content mode).
 */
function render(event: Event): Payload {
  const contentType = 'application/cloudevents+json; charset=utf-8'
  const data = event.cloudevent ? event.data : dataText(event)
  const datacontenttype = event.cloudevent ? event.cloudevent.datacontenttype : data && 'application/json'
  const head = { ...attributesOf(event), datacontenttype }
  if (data === undefined || data === noData) return { contentType, body: Buffer.from(JSON.stringify(head)) }
  return { contentType, body: withMember(head, event.binary ? 'data_base64' : 'data', data) }
}

export default {
  name: 'cloudevents',
  description: 'CloudEvents 1.0, structured mode: attributes and data in one JSON object.',
  render,
  renderBatch: (events) => ({
    contentType: 'application/cloudevents-batch+json; charset=utf-8',
    body: jsonArray(events.map(render)),
  }),
} satisfies Format
