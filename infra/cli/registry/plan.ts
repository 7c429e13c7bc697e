import { isDeepStrictEqual } from 'node:util'
import type { Source } from '../../../shared/contracts/api/source.ts'
import { Failure } from '../common/fail.ts'
import { covers, isRecord, type Difference } from './compare.ts'
import type { EventTypeWanted, SourceWanted, Wanted } from './file.ts'
import type { Present } from './present.ts'
import { webhookChange } from './webhook-plan.ts'

export type Kind = 'event type' | 'source' | 'webhook'
export type Change = {
  kind: Kind
  name: string
  action: 'create' | 'change' | 'delete' | 'keep'
  /** Of a webhook that is there. */
  id?: string
  differences: Difference[]
  /** What the API does not show, and so was not compared. */
  unseen: string[]
}
export type PlanOptions = {
  /** Whether what the file does not name is removed. */
  prune: boolean
  /** Whether what cannot be compared counts as a difference: then it is sent again. */
  secrets: boolean
}

/** What has to be done so that Tidings has what the file says. Pure. */
export function plan(wanted: Wanted, present: Present, options: PlanOptions): Change[] {
  checkLabels(wanted, present)
  const changes = [
    ...Object.entries(wanted.event_types ?? {}).map(([name, one]) => eventTypeChange(name, one, present, wanted)),
    ...Object.entries(wanted.sources ?? {}).map(([name, one]) => sourceChange(name, one, present, wanted)),
    ...Object.entries(wanted.webhooks ?? {}).map(([name, one]) => webhookChange(name, one, present, wanted)),
  ].map((change) => (options.secrets ? withSecrets(change) : change))
  return options.prune ? [...changes, ...removals(wanted, present)] : changes
}

export const isDifferent = ({ action }: Change): boolean => action !== 'keep'

function checkLabels({ webhooks = {} }: Wanted, present: Present): void {
  for (const label of Object.keys(webhooks)) {
    const same = present.webhooks.filter((webhook) => webhook.label === label)
    if (same.length < 2) continue
    const ids = same.map(({ id }) => id).join(', ')
    throw new Failure(
      `several webhooks have the label "${label}" (${ids}), and the file cannot mean them all: give all but one another label`,
    )
  }
}

const withSecrets = (change: Change): Change =>
  change.action === 'keep' && change.unseen.length > 0 ? { ...change, action: 'change' } : change

const changed = (kind: Kind, name: string, differences: Difference[], unseen: string[] = []): Change => ({
  kind,
  name,
  action: differences.length > 0 ? 'change' : 'keep',
  differences,
  unseen,
})
const created = (kind: Kind, name: string): Change => ({ kind, name, action: 'create', differences: [], unseen: [] })

function eventTypeChange(name: string, wanted: EventTypeWanted, { eventTypes }: Present, { isUnknown }: Wanted): Change {
  const present = eventTypes.find((known) => known.name === name)
  if (!present) return created('event type', name)
  const differences = (['description', 'schema'] as const)
    .filter((member) => !isUnknown(['event_types', name, member]) && !isDeepStrictEqual(present[member], wanted[member]))
    .map((member) => ({ member, from: present[member], to: wanted[member] }))
  return changed('event type', name, differences)
}

function sourceChange(name: string, wanted: SourceWanted, { sources, choices }: Present, { isUnknown }: Wanted): Change {
  const present = sources.find((source) => source.name === name)
  if (!present) return created('source', name)
  const adapter = choices.adapters.find((one) => one.name === wanted.adapter)
  const scheme = wanted.scheme === undefined ? (adapter?.scheme ?? null) : wanted.scheme
  const { headers, ...lookup } = wanted.lookup ?? {}
  const all = {
    adapter: wanted.adapter,
    scheme,
    scheme_params: wanted.scheme_params ?? {},
    settings: wanted.settings ?? {},
    collect: wanted.collect ?? null,
  }
  const differences = [...Object.entries(all), ['lookup', wanted.lookup ? lookup : null] as const]
    .filter(([member]) => !isUnknown(['sources', name, member]))
    .filter(([member, to]) => !sameMember(present, member as keyof Source, to, defaultsOf(adapter?.settings)))
    .map(([member, to]) => ({ member, from: present[member as keyof Source], to }))
  return changed('source', name, differences, unseenOf(wanted, headers))
}

/** Members of settings that the file leaves out may be there with their defaults, and with nothing else. */
function sameMember(present: Source, member: keyof Source, wanted: unknown, defaults: Record<string, unknown>): boolean {
  if (!covers(present[member], wanted)) return false
  if (member !== 'settings') return true
  const left = Object.entries(present.settings).filter(([name]) => !isRecord(wanted) || !(name in wanted))
  return left.every(([name, value]) => name in defaults && isDeepStrictEqual(value, defaults[name]))
}

function defaultsOf(schema: Record<string, unknown> | null | undefined): Record<string, unknown> {
  const properties = isRecord(schema?.properties) ? schema.properties : {}
  return Object.fromEntries(
    Object.entries(properties).flatMap(([name, one]) => (isRecord(one) && 'default' in one ? [[name, one.default]] : [])),
  )
}

const unseenOf = ({ secret, secrets }: SourceWanted, headers: object | undefined): string[] => [
  ...(secret !== undefined ? ['secret'] : []),
  ...(secrets && Object.keys(secrets).length > 0 ? ['secrets'] : []),
  ...(headers && Object.keys(headers).length > 0 ? ['lookup.headers'] : []),
]

/** Webhooks without a label were made by other means, and are nobody's to remove from here. */
function removals({ event_types, sources, webhooks }: Wanted, present: Present): Change[] {
  const remove = (kind: Kind, name: string, id?: string): Change => ({
    kind,
    name,
    action: 'delete',
    ...(id && { id }),
    differences: [],
    unseen: [],
  })
  return [
    ...(webhooks ? present.webhooks : []).flatMap(({ label, id }) =>
      label === null || label in (webhooks ?? {}) ? [] : [remove('webhook', label, id)],
    ),
    ...(sources ? present.sources : []).flatMap(({ name }) => (name in (sources ?? {}) ? [] : [remove('source', name)])),
    ...(event_types ? present.eventTypes : []).flatMap(({ name }) => (name in (event_types ?? {}) ? [] : [remove('event type', name)])),
  ]
}
