import type { Event } from '../../contracts/event.ts'
import type { Format, Payload } from '../format.ts'
import { membersOf, objectText, textOf } from '../json-raw.ts'
import { dataText, noData } from '../json-text.ts'
import { lifecycleOf, type Lifecycle } from '../lifecycle.ts'
import { contentText, dataRecord, isFoundryBody, isFoundryData, type Json } from '../recognise.ts'

/**
 * Foundry's body: `{id, type, data}`, with the members that the handlers of its guide read without asking whether they
 * are there. What came from Foundry leaves as it came. Of other events, those that tell of a dataset or a build are
 * told so, and what happened to any other entity is told of an ontology object; what Foundry has no word for keeps its
 * type, which its receivers acknowledge and pass by.
 */
function render(event: Event): Payload {
  return { contentType: 'application/json', body: Buffer.from(bodyText(event)) }
}

function bodyText(event: Event): string {
  const data = dataRecord(event)
  if (data && isFoundryBody(data)) return event.data
  if (event.type.startsWith('ontology.') || (data && isFoundryData(data)))
    return frame(event.sourceEventId ?? event.id, event.type, event.data === noData ? '{}' : event.data)
  const [type, members] = translated(event, data ?? {}) ?? [event.type, undefined]
  return frame(event.id, type, members ? objectText(members) : objectOf(event))
}

const frame = (id: string, type: string, data: string): string =>
  objectText([
    ['id', textOf(id)],
    ['type', textOf(type)],
    ['data', data],
  ])

/** `data` is an object in Foundry: anything else stands in one as `value`. */
function objectOf(event: Event): string {
  const text = contentText(event) ?? dataText({ ...event, data: noData }) ?? '{}'
  return text.startsWith('{') ? text : objectText([['value', text]])
}

// a soft deletion takes an object out of the ontology, and to restore one puts it back
const objectType: Record<Lifecycle, string> = {
  created: 'ontology.object.created',
  updated: 'ontology.object.updated',
  archived: 'ontology.object.deleted',
  deleted: 'ontology.object.deleted',
  restored: 'ontology.object.created',
}

type MemberText = readonly [string, string | undefined]

function translated(event: Event, data: Json): [string, Iterable<MemberText>] | undefined {
  const { entity, type } = event
  if (!entity) return undefined
  const key = textOf(entity.id ?? entity.name ?? event.subject ?? event.id)
  const own = (members: MemberText[]) => new Map<string, string | undefined>([...membersOf(contentText(event) ?? ''), ...members])
  // Foundry's default branch is master
  if (type === 'dataset.updated')
    return [
      type,
      own([
        ['datasetRid', key],
        ['branch', textOf(data.branch ?? 'master')],
      ]),
    ]
  if (type === 'build.completed')
    return [
      type,
      own([
        ['buildRid', key],
        ['buildStatus', textOf(buildStatus(data))],
      ]),
    ]
  const lifecycle = lifecycleOf(type)
  if (!lifecycle) return undefined
  const members: MemberText[] = [
    ['objectType', textOf(entity.type)],
    ['primaryKey', key],
    ['name', entity.id === undefined ? undefined : textOf(entity.name)],
    ['changedProperties', lifecycle === 'updated' ? textOf(changedOf(event)) : undefined],
    ['properties', contentText(event)],
  ]
  return [objectType[lifecycle], members]
}

/** Property name → new value; a property that is gone is null. */
function changedOf({ change }: Event): Json {
  const { added = [], updated = [], deleted = [] } = change ?? {}
  return Object.fromEntries([
    ...[...added, ...updated].map(({ name, new_value: value }) => [name, value ?? null] as const),
    ...deleted.map(({ name }) => [name, null] as const),
  ])
}

/** BuildStatus of Foundry's API; a status that is none of them is not guessed to be one. */
function buildStatus({ buildStatus: own, status }: Json): string | null {
  const given = own ?? status
  const word = typeof given === 'string' ? given.toUpperCase() : ''
  if (word === 'SUCCESS') return 'SUCCEEDED'
  if (word === 'CANCELLED') return 'CANCELED'
  return ['RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELED'].includes(word) ? word : null
}

export default {
  name: 'foundry',
  description: 'Palantir Foundry: `{id, type, data}`; entities are told of as ontology objects.',
  render,
} satisfies Format
