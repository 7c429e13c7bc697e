import type { CollectSettings } from '../../shared/contracts/lookup.ts'
import type { Accepted } from '../../shared/contracts/api/accept.ts'
import type { EventDraft } from '../../shared/contracts/event.ts'
import { parseJson } from '../../shared/http/json.ts'
import { Problem } from '../../shared/problem.ts'
import type { Collected, EntityVersion, Source, Storage, ViewChange } from '../../shared/storage/storage.ts'
import { accept, type AcceptDeps, type Submission } from './accept.ts'
import { entityOf, recordOf, textOf, typeName } from './fields.ts'
import { scalarAt } from './json-slice.ts'
import type { SourceAdapter } from './source.ts'
import { changeBetween } from './sesam/change.ts'
import { canonicalMembers, readVersion, type Members } from './sesam/entity.ts'

export type CollectDeps = AcceptDeps & { storage: Pick<Storage, 'collect'> }

/** How the entities of one source are kept. */
export type View = {
  organizationId: string
  source: string
  settings: CollectSettings
  /** What the entities are where the settings do not say. */
  entityType: string
  /** Whether events say created, updated or deleted by what the view held before, and what has changed. */
  describes: boolean
}

/** Undefined for a source that keeps none. */
export function viewOf(source: Source, adapter: SourceAdapter): View | undefined {
  const entityType = adapter.entityType?.(source.settings)
  if (entityType === undefined && !source.collect) return undefined
  return {
    organizationId: source.organizationId,
    source: source.name,
    settings: source.collect ?? { id_member: '_id' },
    entityType: entityType ?? 'entity',
    describes: source.collect !== null,
  }
}

/** What comes with a change: the scan that it is a part of, the partial event that it comes of. */
export type Occasion = Partial<Pick<ViewChange, 'scan' | 'partial' | 'scanId'>> & {
  headers: Submission['headers']
  /** Entities that are gone without anything having said so. */
  gone?: Collected[]
}
export type Counts = { created: number; updated: number; deleted: number; unchanged: number }
export type CollectResult = { events: Accepted['events']; counts: Counts }

/**
 * Brings entities into the view of their source and accepts the events that tell of it, in one transaction: whatever
 * dies in between, both are there or neither is. What the change is made from is read before and compared within the
 * transaction; had it changed meanwhile, nothing was written, and all is done again from what it is now.
 * @returns undefined when the scan or the partial event that it belongs to is not as it was any more
 */
export async function collect(view: View, drafts: EventDraft[], occasion: Occasion, deps: CollectDeps): Promise<CollectResult | undefined> {
  for (let tries = 0; tries < mostTries; tries++) {
    const ids = [...new Set(drafts.map(idOf))]
    const known = await deps.storage.collect.current(view.organizationId, view.source, ids)
    const plan = planChange(view, drafts, known, occasion)
    const result = await applyPlan(view, plan, occasion, deps)
    if (result) return { events: result, counts: plan.counts }
    // A scan or a partial event that has moved on is for the caller to look at again.
    if (occasion.scan || occasion.partial) return undefined
  }
  throw new Problem('unavailable', 'the entities of this source are being changed by others all the time; send this again', {
    retryAfterSeconds: 1,
  })
}
const mostTries = 10

/** For sources that keep no entities: the events as they are, in one transaction with what they come of. */
export async function acceptAlong(
  source: Source,
  events: EventDraft[],
  occasion: Occasion,
  deps: CollectDeps,
): Promise<Accepted['events'] | undefined> {
  const nothing = { expected: [], versions: [], seen: [], counts: { created: 0, updated: 0, deleted: 0, unchanged: 0 } }
  return applyPlan({ organizationId: source.organizationId, source: source.name }, { ...nothing, events }, occasion, deps)
}

type Plan = Pick<ViewChange, 'expected' | 'versions' | 'seen'> & { events: EventDraft[]; counts: Counts }

async function applyPlan(
  view: Pick<View, 'organizationId' | 'source'>,
  plan: Plan,
  occasion: Occasion,
  deps: CollectDeps,
): Promise<Accepted['events'] | undefined> {
  const { organizationId, source } = view
  const { expected, versions, seen } = plan
  const { scan = null, partial = null, scanId = null } = occasion
  const counted = scan && { ...scan, ...sum(scan, plan.counts) }
  const change: ViewChange = { organizationId, source, expected, versions, seen, scanId, scan: counted, partial }
  let isStale = false
  const events: AcceptDeps['storage']['events'] = {
    ...deps.storage.events,
    async accept(request) {
      const result = await deps.storage.collect.apply(change, request)
      isStale = result.kind === 'stale'
      return result.kind === 'stale' ? { kind: 'accepted', events: [] } : result
    },
  }
  // What is repeated says nothing new, and needs no key; the changes of a repetition are not those of the first time.
  const { 'idempotency-key': _, ...headers } = occasion.headers
  const submission: Submission = { organizationId, source, drafts: plan.events, headers, identity: 'id' }
  const accepted = await accept(submission, { ...deps, storage: { ...deps.storage, events } })
  return isStale ? undefined : accepted
}

export const sum = (a: Counts, b: Counts): Counts => ({
  created: a.created + b.created,
  updated: a.updated + b.updated,
  deleted: a.deleted + b.deleted,
  unchanged: a.unchanged + b.unchanged,
})

/** As it comes back from the database, which marks what no text of its can hold; or what is known of it would never be found. */
const idOf = (draft: EventDraft): string => (draft.entity?.id ?? '').replace(/\p{Surrogate}|\0/gu, '\ufffd')

type Held = { seq: number | null; hash: string; deleted: boolean; entity: string }

/** Pure. Several versions of one entity in one request follow upon each other. */
function planChange(view: View, drafts: EventDraft[], known: Collected[], { scan, gone = [] }: Occasion): Plan {
  const isScan = scan !== undefined && scan !== null
  const held = new Map<string, Held>(known.map((one) => [one.entityId, one]))
  const seqs = new Map([...known, ...gone].map(({ entityId, seq }) => [entityId, seq]))
  const versions = new Map<string, EntityVersion>()
  const seen = new Set<string>()
  const events: EventDraft[] = []
  const counts: Counts = { created: 0, updated: 0, deleted: 0, unchanged: 0 }
  // The place in the request keeps apart what says the same twice with something else in between.
  const keyOf = (id: string, hash: string, place: number) => `${id} ${hash.slice(0, 32)} ${seqs.get(id) ?? 0}.${place}`

  for (const [place, draft] of drafts.entries()) {
    const id = idOf(draft)
    const before = held.get(id)
    const { members, deleted, hash, text } = readVersion(draft.raw)
    if (before && before.deleted === deleted && (deleted || before.hash === hash)) {
      counts.unchanged++
      seen.add(id)
      continue
    }
    const kind = deleted ? 'deleted' : !before || before.deleted ? 'created' : 'updated'
    const version: EntityVersion = { entityId: id, hash, deleted, entity: text }
    versions.set(id, version)
    held.set(id, { ...version, seq: null })
    // A scan that has an entity only to say that it is not there tells nothing new.
    if (isScan && deleted && !before) {
      counts.unchanged++
      continue
    }
    counts[kind]++
    const key = keyOf(id, `${hash.slice(0, 31)}${deleted ? 'd' : ''}`, place)
    events.push(told(view, draft, key, kind, before, deleted ? noMembers : members, isScan))
  }
  for (const [i, one] of gone.entries()) {
    const draft = deletionOf(view, one)
    const { hash, text } = readVersion(draft.raw)
    versions.set(one.entityId, { entityId: one.entityId, hash, deleted: true, entity: text })
    counts.deleted++
    events.push(told(view, draft, keyOf(one.entityId, 'gone', drafts.length + i), 'deleted', one, noMembers, true))
  }
  const expected = [...new Set([...drafts.map(idOf), ...gone.map(({ entityId }) => entityId)])]
  return {
    events,
    counts,
    versions: [...versions.values()],
    seen: [...seen].filter((id) => !versions.has(id)),
    expected: expected.map((entityId) => ({ entityId, seq: seqs.get(entityId) ?? null })),
  }
}

const noMembers: Members = new Map()

function told(
  view: View,
  draft: EventDraft,
  sourceEventId: string,
  kind: 'created' | 'updated' | 'deleted',
  before: Pick<Held, 'entity' | 'deleted'> | undefined,
  after: Members,
  isScan: boolean,
): EventDraft {
  if (!view.describes && !isScan) return { ...draft, sourceEventId }
  const entity = kindOf(view, draft)
  const change = changeBetween(before && !before.deleted ? canonicalMembers(Buffer.from(before.entity)) : noMembers, after)
  return {
    ...draft,
    sourceEventId,
    type: `${entity?.type ?? view.entityType}.${kind}`,
    ...(entity && { entity }),
    ...(change && { change }),
  }
}

/** The entity as the view's settings say, where they say anything. */
function kindOf({ settings, entityType }: View, draft: EventDraft): EventDraft['entity'] {
  const member = settings.type_member && scalarAt(draft.raw, settings.type_member)
  const type = typeName(member ?? settings.entity_type ?? draft.entity?.type ?? entityType) ?? entityType
  const name = settings.name_member && scalarAt(draft.raw, settings.name_member)
  return entityOf({ ...draft.entity, type, ...(name && { name }) })
}

/** Says that an entity is gone, with the members of it that say what it was. */
function deletionOf({ settings, entityType }: View, { entityId, entity }: Collected): EventDraft {
  const last = recordOf(parseJson(Buffer.from(entity)))
  const kept = [settings.id_member, settings.type_member, settings.name_member].filter(
    (name) => name !== undefined && name !== '_id' && Object.hasOwn(last, name),
  ) as string[]
  const text = JSON.stringify({ _id: entityId, _deleted: true, ...Object.fromEntries(kept.map((name) => [name, last[name]])) })
  const raw = Buffer.from(text)
  const about = entityOf({ type: entityType, id: entityId, name: textOf(entityId, 3072) })
  return { type: `${entityType}.deleted`, ...(about && { entity: about }), raw, data: { start: 0, end: raw.length } }
}
