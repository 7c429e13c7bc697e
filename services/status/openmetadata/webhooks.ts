import type { OpenMetadataEventFilter, OpenMetadataInput, OpenMetadataWebhook } from '../../../shared/contracts/api/openmetadata.ts'
import type { JsonPatch } from '../../../shared/contracts/api/openmetadata-calls.ts'
import { createId } from '../../../shared/id.ts'
import { Problem } from '../../../shared/problem.ts'
import type { OpenMetadataRecord, OpenMetadataWrite, StoredOpenMetadata } from '../../../shared/storage/openmetadata.ts'
import type { ApiKey, Subscription } from '../../../shared/storage/storage.ts'
import type { StatusDeps } from '../deps.ts'
import { notFound } from '../refuse.ts'
import { announce, untried } from '../webhook-row.ts'
import { describeChange, maskEntity, snapshotOf } from './change.ts'
import { changedColumns, newColumns } from './columns.ts'
import { entityOf, maskHeaders, versionOf } from './entity.ts'
import { wishOf } from './filters.ts'
import { patchEntity, type Patched } from './json-patch.ts'
import { relatedOf, resolveRelations } from './relations.ts'

/** Who calls, and where they reached us. */
export type Caller = { key: ApiKey; origin: string }
type Deps = Pick<StatusDeps, 'storage' | 'vault' | 'policy' | 'redis' | 'shards' | 'settings' | 'log' | 'clock'>

/** Two patches at once: the second is made to what the first has left. More than this in a row is somebody's mistake. */
const maxTries = 5

export async function createEntity(caller: Caller, given: OpenMetadataInput, deps: Deps): Promise<OpenMetadataWebhook> {
  const id = createId()
  const now = deps.clock.now()
  const { organizationId } = caller.key
  const input = await resolveRelations(organizationId, given, deps)
  const webhook = { ...untried(now), ...newColumns(input, id, deps), id, organizationId }
  const subscriptions = subscriptionsOf(input.eventFilters, id, caller, now)
  const stored = { ...storedOf(input), revision: 1, updatedAt: now, updatedBy: caller.key.label }
  const entity = shown({ webhook, removedAt: null, subscriptions, stored, related: relatedOf(input) }, caller, deps)
  const snapshot = { revision: 1, shown: snapshotOf(entity) }
  if (!(await deps.storage.openMetadata.create({ webhook, subscriptions, stored, snapshot }))) throw taken(input.name)
  await announce(deps)
  return entity
}

export async function findRecord(
  { key }: Caller,
  id: string,
  include: 'non-deleted' | 'deleted' | 'all',
  { storage }: Pick<Deps, 'storage'>,
): Promise<OpenMetadataRecord> {
  const record = await storage.openMetadata.find(key.organizationId, id)
  const isWanted = record && (include === 'all' || (include === 'deleted') === (record.removedAt !== null))
  if (!isWanted) throw notFound('webhook', id)
  return record
}

export async function patchEntityOf(caller: Caller, id: string, patch: JsonPatch, deps: Deps): Promise<OpenMetadataWebhook> {
  return write(caller, id, deps, async (record, before) => {
    const patched = await withReferences(caller, patchEntity(before, patch), deps)
    if (patched.after.deleted) throw notFound('webhook', id)
    const change = describeChange(before, patched.after)
    const webhook = changedColumns(record.webhook, before, patched.changed, deps)
    const restarts = patched.after.enabled && patch.some(({ op, path }) => op !== 'test' && path === '/enabled')
    if (!change && !restarts) return undefined
    const life = record.removedAt === null ? undefined : 'restore'
    // what ended with the webhook begins anew, since no subscription is ever edited
    const wanted = patched.changed.eventFilters?.map(wishOf) ?? (life && record.subscriptions)
    return {
      webhook: restarts ? { ...webhook, active: true } : webhook,
      life,
      subscriptions: wanted && made(wanted, id, caller, deps.clock.now()),
      ...nextVersion(record, before, patched, change, caller, deps.clock.now()),
    }
  })
}

/** References that were given by a name are shown and compared whole. */
async function withReferences({ key }: Caller, { after: given, changed }: Patched, deps: Deps): Promise<Patched> {
  if (!('triggers' in changed || 'fallback' in changed)) return { after: given, changed }
  const after = await resolveRelations(key.organizationId, given, deps)
  const { triggers, fallback } = after
  return { after, changed: { ...changed, ...('triggers' in changed && { triggers }), ...('fallback' in changed && { fallback }) } }
}

export async function removeEntity(caller: Caller, id: string, deps: Deps): Promise<OpenMetadataWebhook> {
  return write(caller, id, deps, async (record, before) => {
    if (before.deleted) throw notFound('webhook', id)
    const after = { ...before, enabled: false, deleted: true }
    const change = describeChange(before, after)
    return { webhook: {}, life: 'remove', ...nextVersion(record, before, { after, changed: {} }, change, caller, deps.clock.now()) }
  })
}

export async function eraseEntity(caller: Caller, id: string, deps: Deps): Promise<OpenMetadataWebhook> {
  const record = await findRecord(caller, id, 'all', deps)
  if (!(await deps.storage.openMetadata.erase(caller.key.organizationId, id, deps.clock.now()))) throw notFound('webhook', id)
  await announce(deps)
  return { ...shown(record, caller, deps), enabled: false, status: 'disabled', deleted: true }
}

export const shown = (record: OpenMetadataRecord, { origin }: Caller, { vault }: Pick<Deps, 'vault'>): OpenMetadataWebhook =>
  entityOf(record, { origin, vault })

type Step = Omit<OpenMetadataWrite, 'organizationId' | 'id' | 'from'>

/** Reads, decides, writes: and again from the start when somebody else has written in between. */
async function write(
  caller: Caller,
  id: string,
  deps: Deps,
  step: (record: OpenMetadataRecord, before: OpenMetadataWebhook) => Promise<Step | undefined>,
): Promise<OpenMetadataWebhook> {
  for (let tries = 0; tries < maxTries; tries++) {
    const record = await findRecord(caller, id, 'all', deps)
    const before = shown(record, caller, deps)
    const next = await step(record, before)
    if (!next) return before
    const { organizationId } = caller.key
    const written = await deps.storage.openMetadata.update(
      { ...next, organizationId, id, from: record.stored?.revision ?? 0 },
      deps.clock.now(),
    )
    if (written === 'name taken') throw taken(next.stored.name)
    if (written === 'stale') continue
    await announce(deps, id)
    return shown(await findRecord(caller, id, 'all', deps), caller, deps)
  }
  throw new Problem('conflict', 'others keep changing this webhook; read it again, and try again')
}

/** Of a webhook that was made by the native API the version before this one is kept too: nobody has written it down yet. */
function nextVersion(
  record: OpenMetadataRecord,
  before: OpenMetadataWebhook,
  { after, changed }: Patched,
  change: ReturnType<typeof describeChange>,
  { key }: Caller,
  now: number,
): Pick<Step, 'stored' | 'snapshots'> {
  const first = { revision: record.stored?.revision ?? 1, shown: snapshotOf(before) }
  const { name, entity } = storedOf({ ...after, fullyQualifiedName: qualifiedName(before, after, changed) })
  if (!change) {
    const { updatedAt, updatedBy } = before
    const kept = { ...entity, changeDescription: before.changeDescription }
    return { stored: { name, entity: kept, revision: first.revision, updatedAt, updatedBy }, snapshots: record.stored ? [] : [first] }
  }
  const revision = first.revision + 1
  const stored = { name, entity: { ...entity, changeDescription: change }, revision, updatedAt: now, updatedBy: key.label }
  const masked = { ...maskEntity(after), version: versionOf(revision), updatedAt: now, updatedBy: key.label, changeDescription: change }
  return { stored, snapshots: [...(record.stored ? [] : [first]), { revision, shown: snapshotOf(masked) }] }
}

/** A name that was never given apart from the webhook's own goes with it. */
const qualifiedName = (before: OpenMetadataWebhook, after: OpenMetadataWebhook, changed: Patched['changed']) =>
  'fullyQualifiedName' in changed || before.fullyQualifiedName !== before.name ? after.fullyQualifiedName : after.name

function storedOf(input: OpenMetadataInput): Pick<StoredOpenMetadata, 'name' | 'entity'> {
  const { name, fullyQualifiedName, displayName, description, webhookType, eventFilters, owner, domain, tags, extension } = input
  const entity = { displayName, description, webhookType, eventFilters, owner, domain, tags, extension }
  const ownName = fullyQualifiedName !== undefined && fullyQualifiedName !== name ? { fullyQualifiedName } : {}
  return { name, entity: { ...entity, ...ownName, headers: maskHeaders(input.webhookConfig.headers ?? {}) } }
}

const subscriptionsOf = (filters: OpenMetadataEventFilter[], id: string, caller: Caller, now: number) =>
  made(filters.map(wishOf), id, caller, now)

const made = (wishes: Pick<Subscription, 'eventType' | 'filters'>[], webhookId: string, { key }: Caller, now: number): Subscription[] =>
  wishes.map(({ eventType, filters }) => ({
    id: createId(),
    organizationId: key.organizationId,
    webhookId,
    eventType,
    filters,
    createdAt: now,
    deletedAt: null,
  }))

function taken(name: string): Problem {
  const errors = [{ field: 'name', message: 'is taken by another webhook, or by a deleted one that is not deleted for good' }]
  return new Problem('conflict', `name: there is a webhook "${name}" already`, { errors })
}
