import { v5 } from 'uuid'
import type { Change, Entity, Event } from '../contracts/event.ts'
import { arrayText, compact, elementsOf, membersOf, objectText, textOf, unquoted, unwrapped, type Members } from './json-raw.ts'
import { lifecycleOf, splitType, type Lifecycle } from './lifecycle.ts'
import { nameParts } from './names.ts'
import { contentText, dataRecord, isChangeEvent, isDocumentedChange } from './recognise.ts'

/**
 * An event in OpenMetadata's words, apart from the frame: what its two bodies, the documented one and the product's,
 * have in common. Values are JSON texts, so that what came from OpenMetadata leaves with every digit.
 */
export type ChangeParts = {
  id: string
  eventType: string
  entityType: string
  timestamp: string
  /** The entity, an object; `{}` where the product sent none. */
  entity: Members
  /** `fieldsAdded`, `fieldsUpdated`, `fieldsDeleted` and what else a changeDescription has; undefined where there is none. */
  change: Members | undefined
  /** The event as it came, where it came from OpenMetadata. */
  own: Members | undefined
}

export function changeParts(event: Event): ChangeParts {
  const data = dataRecord(event)
  if (data && (isDocumentedChange(data) || isChangeEvent(data))) return ownParts(event, membersOf(event.data))
  const { entity, type, time, id } = event
  return {
    id,
    eventType: eventTypes[lifecycleOf(type) ?? 'updated'],
    entityType: entity?.type ?? (splitType(type).stem || type),
    timestamp: millisecondsOf(time),
    entity: entityMembers(event),
    change: event.change && changeMembers(event.change),
    own: undefined,
  }
}

const eventTypes: Record<Lifecycle, string> = {
  created: 'entityCreated',
  updated: 'entityUpdated',
  archived: 'entitySoftDeleted',
  deleted: 'entityDeleted',
  restored: 'entityRestored',
}

const millisecondsOf = (time: string): string => {
  const moment = Date.parse(time)
  return Number.isNaN(moment) ? '0' : String(moment)
}

function ownParts(event: Event, own: Members): ChangeParts {
  const text = (name: string) => unquoted(own.get(name))
  const entity = membersOf(unwrapped(own.get('entity') ?? '{}'))
  const change = own.get('changeDescription')
  return {
    id: text('eventId') ?? text('id') ?? event.id,
    eventType: text('eventType') ?? eventTypes.updated,
    entityType: text('entityType') ?? unquoted(entity.get('type')) ?? event.entity?.type ?? 'entity',
    timestamp: /^\d+$/.test(own.get('timestamp') ?? '') ? (own.get('timestamp') as string) : millisecondsOf(event.time),
    entity,
    change: change?.startsWith('{') ? membersOf(change) : undefined,
    own,
  }
}

/** Our entity in the members of OpenMetadata's, with the event's data as its custom properties (`extension`). */
function entityMembers(event: Event): Members {
  const { entity, subject, type } = event
  const name = entity?.name ?? entity?.id ?? subject ?? (splitType(type).stem || type)
  const owners = entity?.owners?.map((owner) => ({ type: 'user', name: owner }))
  const domain = entity?.domain === undefined ? undefined : { type: 'domain', name: entity.domain }
  const members = {
    id: entity?.id,
    type: entity?.type ?? (splitType(type).stem || type),
    name: nameParts(name).at(-1),
    fullyQualifiedName: name,
    owner: owners?.[0],
    owners,
    domain,
    domains: domain && [domain],
    tags: entity?.tags?.map((tag) => ({ tagFQN: tag })) ?? [],
    href: entity?.url,
  }
  const texts = Object.entries(members).map(([member, value]) => [member, textOf(value)] as const)
  const content = contentText(event)
  const extension = content?.startsWith('{') === false ? objectText([['data', content]]) : content
  return new Map([...texts, ['extension', extension] as const].filter((entry): entry is [string, string] => entry[1] !== undefined))
}

function changeMembers({ added, updated, deleted }: Change): Members {
  const lists = { fieldsAdded: added, fieldsUpdated: updated, fieldsDeleted: deleted }
  return new Map(
    Object.entries(lists).map(([name, fields = []]) => [
      name,
      JSON.stringify(fields.map((field) => ({ name: field.name, oldValue: field.old_value, newValue: field.new_value }))),
    ]),
  )
}

/** All three lists, whichever are there, with values that are what they say and no JSON in strings. */
export function changeLists(change: Members | undefined): string {
  const lists = ['fieldsAdded', 'fieldsUpdated', 'fieldsDeleted'].map((name) => {
    const fields = elementsOf(change?.get(name) ?? '[]').map((field) => {
      const members = [...membersOf(field)]
      return objectText(members.map(([member, value]) => [member, compact(/^(old|new)Value$/.test(member) ? unwrapped(value) : value)]))
    })
    return [name, arrayText(fields)] as const
  })
  return objectText(lists)
}

/** OpenMetadata knows entities by UUID: an id that is none becomes one, always the same for the same object. */
export function uuidOf(type: string, entity: Pick<Entity, 'id' | 'name'>): string {
  if (entity.id !== undefined && /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(entity.id)) return entity.id
  return v5(`tidings:${type}:${entity.id ?? entity.name ?? ''}`, v5.URL)
}
