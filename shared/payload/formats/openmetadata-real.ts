import type { Event } from '../../contracts/event.ts'
import type { Format, Payload } from '../format.ts'
import { arrayText, compact, objectText, textOf, unquoted } from '../json-raw.ts'
import { changeParts, uuidOf } from '../openmetadata.ts'
import { dataRecord, isChangeEvent } from '../recognise.ts'

/**
 * OpenMetadata's ChangeEvent as the product sends it (schema type/changeEvent.json): flat, and the entity as JSON in a
 * string. What came in this form leaves byte for byte. The schema is closed, so there is nothing beside its members.
 */
function bodyText(event: Event): string {
  const data = dataRecord(event)
  if (data && isChangeEvent(data)) return event.data
  const { id, eventType, entityType, timestamp, entity, change } = changeParts(event)
  const name = unquoted(entity.get('fullyQualifiedName')) ?? unquoted(entity.get('name'))
  const entityId = uuidOf(entityType, { id: unquoted(entity.get('id')), name })
  const whole = new Map(entity).set('id', JSON.stringify(entityId))
  return objectText([
    ['id', textOf(id)],
    ['eventType', textOf(eventType)],
    ['entityType', textOf(entityType)],
    ['entityId', textOf(entityId)],
    ['entityFullyQualifiedName', textOf(name)],
    ['userName', textOf(event.actor)],
    ['timestamp', timestamp],
    ['changeDescription', change && compact(objectText(change))],
    ['entity', textOf(compact(objectText(whole)))],
  ])
}

const json = (text: string): Payload => ({ contentType: 'application/json', body: Buffer.from(text) })

export default {
  name: 'openmetadata-real',
  description: 'OpenMetadata as the product sends it: a ChangeEvent, its entity as JSON in a string.',
  render: (event) => json(bodyText(event)),
  renderBatch: (events) => json(`{"data":${arrayText(events.map(bodyText))},"paging":{"total":${events.length}}}`),
} satisfies Format
