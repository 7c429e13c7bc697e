import type { Change, Entity } from '../../../shared/contracts/event.ts'
import { changeOf, entityOf, recordOf, textOf, timeOf, typeName, unwrapped, type FieldChange } from '../fields.ts'
import { readEvents, type ReadEvent } from '../read-events.ts'
import type { Limits, ReceivedRequest, SourceAdapter, SourceSample } from '../source.ts'
import { samples } from '../openmetadata-samples.ts'

/**
 * OpenMetadata, as it is documented (`eventId`, `entity` an object) and as the product sends it (`id`, `entity` JSON in
 * a string), one event, an array, or `{data: […], paging}`. Where the two differ the one that is there is read. The
 * type is `{entityType}.{what happened}`: `entityCreated` of a table is `table.created`, `entitySoftDeleted`
 * `table.softDeleted`; of threads, tasks and the like, whose `eventType` names the thing itself, `threadCreated` is
 * `thread.created`. The original is in the data, which is the event as it came.
 */
const read: ReadEvent = (event, _, report) => {
  const id = textOf(event.eventId ?? event.id)
  const eventType = textOf(event.eventType, 200)
  if (id === undefined) return report('must be a string: `eventId`, or `id` of a ChangeEvent', 'id')
  if (eventType === undefined) return report('must be a string, for example `entityCreated`', 'eventType')
  const entity = recordOf(unwrapped(event.entity))
  const entityType = textOf(event.entityType ?? entity.type, 200)
  const type = typeFrom(eventType, entityType)
  if (type === undefined) return report('must be a string, for example `table`', 'entityType')
  return {
    sourceEventId: id,
    type,
    time: timeOf(event.timestamp, 'milliseconds'),
    actor: textOf(event.userName),
    entity: entityFrom(event, entity, entityType),
    change: changeFrom(recordOf(event.changeDescription)),
  }
}

const lowerFirst = (text: string) => text.charAt(0).toLowerCase() + text.slice(1)

function typeFrom(eventType: string, entityType: string | undefined): string | undefined {
  const ofEntity = /^entity([A-Z].*)$/.exec(eventType)?.[1]
  if (ofEntity !== undefined) return entityType && typeName(entityType, lowerFirst(ofEntity))
  const [, thing, what] = /^(.+?)([A-Z][a-z]+)$/.exec(eventType) ?? []
  return thing && what ? typeName(thing, lowerFirst(what)) : typeName(eventType)
}

function entityFrom(event: Record<string, unknown>, entity: Record<string, unknown>, type: string | undefined): Entity | undefined {
  const [domain] = listOf(entity.domains ?? entity.domain)
  return entityOf({
    type,
    id: event.entityId ?? entity.id,
    name: event.entityFullyQualifiedName ?? entity.fullyQualifiedName ?? entity.name,
    domain: nameOf(domain, 'fullyQualifiedName', 'name'),
    owners: listOf(entity.owners ?? entity.owner).map((owner) => nameOf(owner, 'name', 'fullyQualifiedName')),
    tags: listOf(entity.tags).map((tag) => nameOf(tag, 'tagFQN')),
    url: entity.sourceUrl ?? entity.href,
  })
}

/** Newer versions have lists where older ones had one. */
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : value === undefined || value === null ? [] : [value])

const nameOf = (reference: unknown, ...members: string[]): unknown => {
  const record = recordOf(reference)
  return members.map((member) => record[member]).find((value) => typeof value === 'string')
}

/** Each of the three lists may be missing. */
function changeFrom({ fieldsAdded, fieldsUpdated, fieldsDeleted }: Record<string, unknown>): Change | undefined {
  return changeOf({ added: changesIn(fieldsAdded), updated: changesIn(fieldsUpdated), deleted: changesIn(fieldsDeleted) })
}

function changesIn(fields: unknown): FieldChange[] {
  return listOf(fields).flatMap((field) => {
    const { name, oldValue, newValue } = recordOf(field)
    if (typeof name !== 'string') return []
    return {
      name,
      ...(oldValue !== undefined && { old_value: unwrapped(oldValue) }),
      ...(newValue !== undefined && { new_value: unwrapped(newValue) }),
    }
  })
}

export default {
  name: 'openmetadata',
  description: 'OpenMetadata: change events as documented and as the product sends them, one, an array, or `{data, paging}`.',
  scheme: 'openmetadata',
  parse: (request: ReceivedRequest, limits: Limits) => readEvents(request, limits, read, { at: ['data'] }),
  identity: 'id',
  samples: samples satisfies SourceSample[],
} satisfies SourceAdapter
