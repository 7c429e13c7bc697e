import type { Event } from '../../contracts/event.ts'
import type { Format, Payload } from '../format.ts'
import { membersOf, objectText, pythonText, textOf } from '../json-raw.ts'
import { isGone, lifecycleOf, splitType } from '../lifecycle.ts'
import { nameParts } from '../names.ts'
import { contentText, dataRecord, isOpteryxBody } from '../recognise.ts'

/**
 * Opteryx's body: `{event: {action, workspace, collection, resource_type, resource_name, timestamp}, data}`, in the
 * bytes that Python's `json.dumps` writes, because that is what its own sender does. What came from Opteryx is known by
 * an action of its vocabulary and a subject of three parts; its data leaves as it came.
 */
const actions = ['create', 'delete', 'update', 'commit', 'execute']

function render(event: Event): Payload {
  return { contentType: 'application/json', headers: { 'user-agent': sender }, body: Buffer.from(pythonText(bodyText(event))) }
}

function bodyText(event: Event): string {
  const data = dataRecord(event)
  if (data && isOpteryxBody(data)) return event.data
  const own = ownNames(event)
  const action = own ? splitType(event.type).verb : actionOf(event)
  const kind = own ? (event.entity?.type ?? '') : kindOf(event)
  const [workspace, collection, resource] = own ?? namesOf(event)
  const head = { action, workspace, collection, resource_type: kind, resource_name: resource, timestamp: Date.parse(event.time) }
  return objectText([
    ['event', textOf(head)],
    ['data', own ? (data ? event.data : '{}') : dataOf(event, action, kind)],
  ])
}

type Names = [workspace: string, collection: string, resource: string]

/** The three names of an event from Opteryx, whose subject is made of them. */
function ownNames({ type, subject = '', entity }: Event): Names | undefined {
  const parts = subject.split('/')
  if (!entity || parts.length !== 3 || !actions.includes(splitType(type).verb)) return undefined
  try {
    return parts.map(decodeURIComponent) as Names
  } catch {
    return undefined
  }
}

/** `a.b.c.d` is resource `d` of collection `c` in workspace `a.b`; what a shorter name lacks, domain and source fill in. */
function namesOf({ entity, subject, id, source }: Event): Names {
  const parts = nameParts(entity?.name ?? entity?.id ?? subject ?? id)
  const resource = parts.at(-1) ?? id
  return [parts.slice(0, -2).join('.') || source, parts.at(-2) ?? entity?.domain ?? source, resource]
}

function actionOf({ type }: Event): string {
  const lifecycle = lifecycleOf(type)
  if (isGone(lifecycle)) return 'delete'
  if (lifecycle === 'created' || lifecycle === 'restored') return 'create'
  if (/(^|\.)commit(ted)?$/i.test(type)) return 'commit'
  return /(^|\.)(execut(ed?|ion)|ran|run|completed|finished|failed|succeeded)$/i.test(type) ? 'execute' : 'update'
}

/** As Opteryx's own sender calls itself. */
const sender = 'opteryx-catalog-webhook/1.0'

const kinds: Record<string, string> = {
  table: 'dataset',
  materialized_view: 'view',
  database: 'collection',
  schema: 'collection',
  databaseSchema: 'collection',
}

/** Its vocabulary is dataset, view and collection; anything else is called what it is. */
function kindOf({ entity, type }: Event): string {
  const kind = entity?.type ?? (splitType(type).stem || type)
  return Object.hasOwn(kinds, kind) ? (kinds[kind] as string) : kind
}

/** The members that Opteryx's own builders write for each action; what they have no member for stands in `properties`. */
function dataOf(event: Event, action: string, kind: string): string {
  if (action === 'delete') return '{}'
  const content = contentText(event)
  const given = membersOf(content?.startsWith('{') === false ? objectText([['data', content]]) : (content ?? '{}'))
  if (action === 'commit' || action === 'execute') return objectText(given)
  const named = builderMembers(action, kind)
  const rest = [...given].filter(([name]) => name !== 'properties' && !(name in named))
  const properties = [...membersOf(given.get('properties') ?? ''), ...rest, ['change', textOf(event.change)] as const]
  const head = Object.entries(named).map(([name, absent]) => [name, given.get(name) ?? absent] as const)
  return objectText([...head, ['properties', objectText(new Map(properties))]])
}

/** Besides `properties`, each with what stands there when the event has nothing to say; undefined: then it is left out. */
function builderMembers(action: string, kind: string): Record<string, string | undefined> {
  if (kind === 'view') return { definition: '""' }
  if (kind === 'collection') return {}
  return action === 'update' ? { description: 'null' } : { location: 'null', schema: undefined }
}

export default {
  name: 'opteryx',
  description: 'Opteryx Catalog: `{event: {action, workspace, collection, …}, data}`, in the bytes that Python writes.',
  render,
} satisfies Format
