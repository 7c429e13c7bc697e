import { and, asc, count, desc, eq, getTableColumns, inArray, isNotNull, isNull, or, sql, type SQL } from 'drizzle-orm'
import type { FieldSpecs } from '../../contracts/api/fields.ts'
import { nextOf } from '../../relations.ts'
import type { OpenMetadataListing, OpenMetadataRecord, OpenMetadataStore, RelatedWebhook } from '../openmetadata.ts'
import { checkQuery } from '../query.ts'
import type { Subscription } from '../storage.ts'
import { clean } from './columns.ts'
import { all, rowsOf, type Db, type Executor } from './database.ts'
import { beyond, orderOf, pageOf, sortKeys } from './filter.ts'
import * as writes from './openmetadata-writes.ts'
import { inSnapshot } from './registry.ts'
import { openMetadataVersions as versions, openMetadataWebhooks as entities, subscriptions, webhooks } from './schema.ts'

const { removedAt, ...webhookColumns } = getTableColumns(webhooks)
const { webhookId: _, organizationId: __, ...storedColumns } = getTableColumns(entities)
const rowColumns = { webhook: webhookColumns, removedAt, stored: storedColumns }
type Row = Omit<OpenMetadataRecord, 'subscriptions' | 'related'>

/** How a webhook is called. The name of one that the native API has made is its id. */
const name = sql<string>`coalesce(${entities.name}, ${webhooks.id})`
const fullName = sql<string>`coalesce(${entities.entity} ->> 'fullyQualifiedName', ${entities.name}, ${webhooks.id})`
const displayName = sql<
  string | null
>`case when ${entities.name} is null then ${webhooks.label} else ${entities.entity} ->> 'displayName' end`

/** Newest first, as ids are by time. */
const byId = { id: { kind: 'text', about: 'the webhook', always: true } } as const satisfies FieldSpecs
const newestFirst = [{ field: 'id', direction: 'desc' }] as const

/** A removed webhook has no entity any more unless one is stored. */
const visible: Record<OpenMetadataListing['include'], SQL | undefined> = {
  'non-deleted': isNull(removedAt),
  deleted: and(isNotNull(removedAt), isNotNull(entities.webhookId)),
  all: or(isNull(removedAt), isNotNull(entities.webhookId)),
}

const rowsFrom = (db: Executor) => db.select(rowColumns).from(webhooks).leftJoin(entities, eq(entities.webhookId, webhooks.id))

/** Adds to each what stands in other tables. */
async function whole(tx: Executor, rows: Row[]): Promise<OpenMetadataRecord[]> {
  const of = await subscriptionsOf(tx, rows)
  const ids = [...new Set(rows.flatMap(({ webhook }) => nextOf(webhook)))]
  const called = { id: webhooks.id, name, fullyQualifiedName: fullName, displayName }
  const related: RelatedWebhook[] =
    ids.length === 0
      ? []
      : await tx.select(called).from(webhooks).leftJoin(entities, eq(entities.webhookId, webhooks.id)).where(inArray(webhooks.id, ids))
  return rows.map((row) => ({
    ...row,
    subscriptions: of.filter(({ webhookId, deletedAt }) => webhookId === row.webhook.id && deletedAt === row.removedAt),
    related: related.filter(({ id }) => nextOf(row.webhook).includes(id)),
  }))
}

/** Of a removed webhook those that ended with it. */
async function subscriptionsOf(tx: Executor, rows: Row[]): Promise<Subscription[]> {
  if (rows.length === 0) return []
  const ids = rows.map(({ webhook }) => webhook.id)
  const withIt = or(and(isNull(removedAt), isNull(subscriptions.deletedAt)), eq(subscriptions.deletedAt, removedAt))
  return tx
    .select(getTableColumns(subscriptions))
    .from(subscriptions)
    .innerJoin(webhooks, eq(webhooks.id, subscriptions.webhookId))
    .where(and(inArray(subscriptions.webhookId, ids), withIt))
    .orderBy(asc(subscriptions.id))
}

async function list(tx: Executor, organizationId: string, listing: OpenMetadataListing) {
  const query = checkQuery(byId, { sort: [...newestFirst], limit: listing.limit, after: listing.after })
  const wanted = and(eq(webhooks.organizationId, organizationId), visible[listing.include], ...conditionsOf(listing))
  const columns = { id: webhooks.id }
  const found = await tx
    .select({ ...rowColumns, keys: sortKeys(columns, query.sort) })
    .from(webhooks)
    .leftJoin(entities, eq(entities.webhookId, webhooks.id))
    .where(and(wanted, beyond(columns, query.sort, query.after)))
    .orderBy(...orderOf(columns, query.sort))
    .limit(query.limit + 1)
  const page = pageOf<Row>(
    query,
    found.map(({ keys, ...row }) => ({ row, keys })),
  )
  const [counted] = await tx.select({ total: count() }).from(webhooks).leftJoin(entities, eq(entities.webhookId, webhooks.id)).where(wanted)
  return { ...page, rows: await whole(tx, page.rows), total: counted?.total ?? 0 }
}

function conditionsOf({ owner, domain, tags }: OpenMetadataListing): SQL[] {
  const refersTo = (member: string, value: string) =>
    sql`exists (select 1 from json_each_text(coalesce(${entities.entity} -> ${member}::text, '{}'))
      where key in ('name', 'fullyQualifiedName', 'id') and value = ${clean(value)})`
  const given = sql`json_array_elements(case json_typeof(${entities.entity} -> 'tags') when 'array' then ${entities.entity} -> 'tags' else '[]' end)`
  return [
    ...(owner === undefined ? [] : [refersTo('owner', owner)]),
    ...(domain === undefined ? [] : [refersTo('domain', domain)]),
    ...(tags === undefined
      ? []
      : [sql`exists (select 1 from ${given} as tag where tag ->> 'tagFQN' = any(${sql.param(tags.map(clean))}::text[]))`]),
  ]
}

async function resolve(db: Db, organizationId: string, references: Parameters<OpenMetadataStore['resolve']>[1]) {
  if (references.length === 0) return []
  const asked = references.map((reference, place) => ({
    place,
    id: reference.id ?? null,
    name: reference.name ?? null,
    full: reference.fullyQualifiedName ?? '',
  }))
  const found = await all<RelatedWebhook & { place: number }>(
    db,
    sql`select r.place, ${webhooks.id}, ${name} as name, ${fullName} as "fullyQualifiedName", ${displayName} as "displayName"
      from ${rowsOf(asked, 'place integer, id text, name text, "full" text')} cross join ${webhooks}
      left join ${entities} on ${entities.webhookId} = ${webhooks.id}
      where ${webhooks.organizationId} = ${organizationId} and ${removedAt} is null and
        case when r.id is not null then ${webhooks.id} = r.id when r.name is not null then ${name} = r.name else ${fullName} = r."full" end
      order by ${webhooks.id} desc`,
  )
  // of several with one name the oldest is the one, as it is set last
  const known = new Map(found.map(({ place, ...webhook }) => [place, webhook]))
  return references.map((_, place) => known.get(place))
}

export function create(db: Db): OpenMetadataStore {
  return {
    find: (organizationId, id) =>
      inSnapshot(db, async (tx) => {
        const where = and(eq(webhooks.id, id), eq(webhooks.organizationId, organizationId), visible.all)
        return (await whole(tx, await rowsFrom(tx).where(where)))[0]
      }),
    list: (organizationId, listing) => inSnapshot(db, (tx) => list(tx, organizationId, listing)),
    resolve: (organizationId, references) => resolve(db, organizationId, references),
    versions: (organizationId, id) =>
      db
        .select({ revision: versions.revision, shown: versions.shown })
        .from(versions)
        .innerJoin(entities, eq(entities.webhookId, versions.webhookId))
        .where(and(eq(versions.webhookId, id), eq(entities.organizationId, organizationId)))
        .orderBy(desc(versions.revision)),
    create: (made) => writes.make(db, made),
    update: (write, now) => writes.update(db, write, now),
    erase: (organizationId, id, now) => writes.erase(db, organizationId, id, now),
  }
}
