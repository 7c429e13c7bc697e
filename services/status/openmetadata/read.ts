import type { OpenMetadataWebhook } from '../../../shared/contracts/api/openmetadata.ts'
import type { OpenMetadataDelivery, OpenMetadataListQuery } from '../../../shared/contracts/api/openmetadata-calls.ts'
import type { StatusDeps } from '../deps.ts'
import { notFound } from '../refuse.ts'
import { snapshotOf } from './change.ts'
import { deliveryOf } from './entity.ts'
import { findRecord, shown, type Caller } from './webhooks.ts'

type Deps = Pick<StatusDeps, 'storage' | 'vault'>
type Paged<T> = { data: T[]; paging: { total: number; after?: string } }

const paged = <T>(data: T[], total: number, nextCursor: string | null): Paged<T> => ({
  data,
  paging: { total, ...(nextCursor !== null && { after: nextCursor }) },
})

export async function listEntities(caller: Caller, query: OpenMetadataListQuery, deps: Deps): Promise<Paged<OpenMetadataWebhook>> {
  const tags = query.tags?.split(',').map((tag) => tag.trim())
  const page = await deps.storage.openMetadata.list(caller.key.organizationId, { ...query, tags })
  return paged(
    page.rows.map((record) => shown(record, caller, deps)),
    page.total,
    page.nextCursor,
  )
}

/** The log outlives the webhook: that of a deleted one is shown too. */
export async function deliveriesOf(
  caller: Caller,
  id: string,
  page: { limit: number; after?: string | undefined },
  deps: Deps,
): Promise<Paged<OpenMetadataDelivery>> {
  await findRecord(caller, id, 'all', deps)
  const filter = { field: 'webhook_id', op: 'eq', value: id } as const
  const [found, total] = await Promise.all([
    deps.storage.deliveries.filter(caller.key.organizationId, { filter, ...page }),
    deps.storage.deliveries.count(caller.key.organizationId, filter),
  ])
  return paged(found.rows.map(deliveryOf), total.count, found.nextCursor)
}

export async function versionsOf(caller: Caller, id: string, deps: Deps) {
  const record = await findRecord(caller, id, 'all', deps)
  const stored = await deps.storage.openMetadata.versions(caller.key.organizationId, id)
  const versions: Partial<OpenMetadataWebhook>[] =
    stored.length > 0 ? stored.map((version) => version.shown) : [snapshotOf(shown(record, caller, deps))]
  return { entityType: 'webhook' as const, versions }
}

export async function findVersion(caller: Caller, id: string, version: string, deps: Deps): Promise<Partial<OpenMetadataWebhook>> {
  const { versions } = await versionsOf(caller, id, deps)
  const found = versions.find((one) => String(one.version) === version)
  if (!found) throw notFound(`version of the webhook "${id}"`, version)
  return found
}
