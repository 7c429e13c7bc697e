import type { Event } from '../../contracts/event.ts'
import { jsonArray } from '../batch.ts'
import type { Format, Payload } from '../format.ts'
import { objectText, textOf } from '../json-raw.ts'
import { isGone, lifecycleOf } from '../lifecycle.ts'
import { contentText, dataRecord, isSesamEntity } from '../recognise.ts'

/**
 * What a Sesam pipe's receiver takes: an entity with a string `_id`, `_deleted` when it is gone, or an array of them. What
 * came from Sesam leaves as it came. Any other event becomes an entity with the id of the object that it is about, so
 * that a dataset keeps the latest for each; `event_type` is what a subset of the pipe can look at (`matches`). Data
 * stays in a member of its own, for a root member that begins with `_` would mean something else to Sesam.
 */
function render(event: Event): Payload {
  return { contentType: 'application/json', body: Buffer.from(bodyText(event)) }
}

function bodyText(event: Event): string {
  const data = dataRecord(event)
  if (data && isSesamEntity(data)) return event.data
  const { entity, subject, id, type, time, source, actor, change } = event
  const members = {
    _id: entity?.id ?? entity?.name ?? subject ?? id,
    _deleted: entity && isGone(lifecycleOf(type)) ? true : undefined,
    event_id: id,
    event_type: type,
    event_time: time,
    source,
    subject,
    actor,
    entity,
    change,
  }
  return objectText([...Object.entries(members).map(([name, value]) => [name, textOf(value)] as const), ['data', contentText(event)]])
}

export default {
  name: 'sesam',
  description: 'Sesam: an entity with `_id`, and `_deleted` when it is gone; a batch is an array of them.',
  render,
  renderBatch: (events) => ({ contentType: 'application/json', body: jsonArray(events.map(render)) }),
} satisfies Format
