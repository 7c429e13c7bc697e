import { and, asc, count, desc, eq, getTableColumns, inArray, isNotNull, isNull, ne, or, sql, type SQL } from 'drizzle-orm'
import type { FieldSpecs } from '../../contracts/api/fields.ts'
import { nextOf } from '../../relations.ts'
import { checkQuery } from '../query.ts'
import type {
  OpenMetadataListing,
  OpenMetadataRecord,
  OpenMetadataSnapshot,
  OpenMetadataStore,
  OpenMetadataWrite,
  RelatedWebhook,
} from '../openmetadata.ts'
import type { Db } from './database.ts'
import { beyond, orderOf, pageOf, sortKeys } from './filter.ts'
import { registryBump } from './registry.ts'
import { openMetadataVersions as versions, openMetadataWebhooks as entities, subscriptions, webhooks } from './schema.ts'
import type { Sync } from './stores.ts'
import * as subscriptionStore from './subscriptions.ts'
import * as webhookStore from './webhooks.ts'

const { removedAt, ...webhookColumns } = getTableColumns(webhooks)
const { webhookId: _, organizationId: __, ...storedColumns } = getTableColumns(entities)
const rowColumns = { webhook: webhookColumns, removedAt, stored: storedColumns }
type Row = Omit<OpenMetadataRecord, 'subscriptions' | 'related'>

const fullName = sql<string>`coalesce(${entities.entity} ->> '$.fullyQualifiedName', ${entities.name}, ${webhooks.id})`

/** Newest first, as ids are by time. */
const byId = { id: { kind: 'text', about: 'the webhook', always: true } } as const satisfies FieldSpecs
const newestFirst = [{ field: 'id', direction: 'desc' }] as const

/** A removed webhook has no entity any more unless one is stored. */
const visible: Record<OpenMetadataListing['include'], SQL | undefined> = {
  'non-deleted': isNull(removedAt),
  deleted: and(isNotNull(removedAt), isNotNull(entities.webhookId)),
  all: or(isNull(removedAt), isNotNull(entities.webhookId)),
}

export function reads(db: Db): Pick<Sync<OpenMetadataStore>, 'find' | 'list' | 'resolve' | 'versions'> {
  const rows = () => db.select(rowColumns).from(webhooks).leftJoin(entities, eq(entities.webhookId, webhooks.id))
  const whole = (row: Row): OpenMetadataRecord => ({ ...row, subscriptions: subscriptionsOf(db, row), related: relatedTo(row) })
  const referred = (where: SQL | undefined): RelatedWebhook[] =>
    db
      .select({
        id: webhooks.id,
        name: sql<string>`coalesce(${entities.name}, ${webhooks.id})`,
        fullyQualifiedName: fullName,
        displayName: sql<
          string | null
        >`case when ${entities.name} is null then ${webhooks.label} else ${entities.entity} ->> '$.displayName' end`,
      })
      .from(webhooks)
      .leftJoin(entities, eq(entities.webhookId, webhooks.id))
      .where(where)
      .all()

  function relatedTo({ webhook }: Row): RelatedWebhook[] {
    const ids = nextOf(webhook)
    return ids.length === 0 ? [] : referred(inArray(webhooks.id, ids))
  }

  return {
    find: (organizationId, id) =>
      db.transaction(() => {
        const where = and(eq(webhooks.id, id), eq(webhooks.organizationId, organizationId), visible.all)
        const row = rows().where(where).get()
        return row && whole(row)
      }),
    list: (organizationId, listing) =>
      db.transaction(() => {
        const query = checkQuery(byId, { sort: [...newestFirst], limit: listing.limit, after: listing.after })
        const wanted = and(eq(webhooks.organizationId, organizationId), visible[listing.include], ...conditionsOf(listing))
        const columns = { id: webhooks.id }
        const found = db
          .select({ row: rowColumns.webhook, removedAt, stored: storedColumns, keys: sortKeys(columns, query.sort) })
          .from(webhooks)
          .leftJoin(entities, eq(entities.webhookId, webhooks.id))
          .where(and(wanted, beyond(columns, query.sort, query.after)))
          .orderBy(...orderOf(columns, query.sort))
          .limit(query.limit + 1)
          .all()
        const page = pageOf<Row>(
          query,
          found.map(({ row: webhook, keys, ...rest }) => ({ row: { webhook, ...rest }, keys })),
        )
        const counted = db
          .select({ total: count() })
          .from(webhooks)
          .leftJoin(entities, eq(entities.webhookId, webhooks.id))
          .where(wanted)
          .get()
        return { ...page, rows: page.rows.map(whole), total: counted?.total ?? 0 }
      }),
    resolve: (organizationId, references) =>
      db.transaction(() =>
        references.map(({ id, name, fullyQualifiedName }) => {
          const named =
            name === undefined ? eq(fullName, fullyQualifiedName ?? '') : sql`coalesce(${entities.name}, ${webhooks.id}) = ${name}`
          const called = id === undefined ? named : eq(webhooks.id, id)
          return referred(and(eq(webhooks.organizationId, organizationId), isNull(removedAt), called))[0]
        }),
      ),
    versions: (organizationId, id) =>
      db
        .select({ revision: versions.revision, shown: versions.shown })
        .from(versions)
        .innerJoin(entities, eq(entities.webhookId, versions.webhookId))
        .where(and(eq(versions.webhookId, id), eq(entities.organizationId, organizationId)))
        .orderBy(desc(versions.revision))
        .all(),
  }
}

function subscriptionsOf(db: Db, { webhook, removedAt: removed }: Row) {
  const then = removed === null ? isNull(subscriptions.deletedAt) : eq(subscriptions.deletedAt, removed)
  const where = and(eq(subscriptions.webhookId, webhook.id), then)
  return db.select().from(subscriptions).where(where).orderBy(asc(subscriptions.id)).all()
}

function conditionsOf({ owner, domain, tags }: OpenMetadataListing): SQL[] {
  const refersTo = (member: string, value: string) =>
    sql`${value} in (${entities.entity} ->> ${`$.${member}.name`}, ${entities.entity} ->> ${`$.${member}.fullyQualifiedName`}, ${entities.entity} ->> ${`$.${member}.id`})`
  const carried = sql`select value ->> '$.tagFQN' from json_each(${entities.entity}, '$.tags')`
  return [
    ...(owner === undefined ? [] : [refersTo('owner', owner)]),
    ...(domain === undefined ? [] : [refersTo('domain', domain)]),
    ...(tags === undefined ? [] : [sql`exists (select 1 from json_each(${JSON.stringify(tags)}) where value in (${carried}))`]),
  ]
}

export function writes(db: Db): Pick<Sync<OpenMetadataStore>, 'create' | 'update' | 'erase'> {
  const bump = registryBump(db)
  const ofWebhooks = webhookStore.writes(db)
  const ofSubscriptions = subscriptionStore.writes(db)

  const isTaken = (organizationId: string, name: string, id: string) =>
    db
      .select({ id: entities.webhookId })
      .from(entities)
      .where(and(eq(entities.organizationId, organizationId), eq(entities.name, name), ne(entities.webhookId, id)))
      .get() !== undefined

  function keep(webhookId: string, organizationId: string, { stored, snapshots }: Pick<OpenMetadataWrite, 'stored' | 'snapshots'>): void {
    db.insert(entities)
      .values({ webhookId, organizationId, ...stored })
      .onConflictDoUpdate({ target: entities.webhookId, set: stored })
      .run()
    const rows = snapshots.map((snapshot: OpenMetadataSnapshot) => ({ webhookId, ...snapshot }))
    if (rows.length > 0) db.insert(versions).values(rows).onConflictDoNothing().run()
  }

  function live({ organizationId, id, life, webhook, subscriptions: wanted }: OpenMetadataWrite, now: number): void {
    if (life === 'restore') db.update(webhooks).set({ removedAt: null }).where(eq(webhooks.id, id)).run()
    if (Object.keys(webhook).length > 0 || life === 'restore') ofWebhooks.update(organizationId, id, webhook, now)
    if (wanted) ofSubscriptions.replace(organizationId, id, wanted, now)
    if (life === 'remove') ofWebhooks.remove(organizationId, id, now)
  }

  return {
    create({ webhook, subscriptions: wanted, stored, snapshot }) {
      if (isTaken(webhook.organizationId, stored.name, webhook.id)) return false
      ofWebhooks.create(webhook)
      ofSubscriptions.replace(webhook.organizationId, webhook.id, wanted, webhook.createdAt)
      keep(webhook.id, webhook.organizationId, { stored, snapshots: [snapshot] })
      return true
    },
    update(write, now) {
      const { organizationId, id, from, stored, life } = write
      const row = db
        .select({ removedAt, revision: entities.revision })
        .from(webhooks)
        .leftJoin(entities, eq(entities.webhookId, webhooks.id))
        .where(and(eq(webhooks.id, id), eq(webhooks.organizationId, organizationId)))
        .get()
      if (!row || (row.revision ?? 0) !== from || (row.removedAt !== null) !== (life === 'restore')) return 'stale'
      if (isTaken(organizationId, stored.name, id)) return 'name taken'
      live(write, now)
      keep(id, organizationId, write)
      bump()
      return 'written'
    },
    erase(organizationId, id, now) {
      const removed = ofWebhooks.remove(organizationId, id, now)
      const mine = and(eq(entities.webhookId, id), eq(entities.organizationId, organizationId))
      const erased = db.delete(entities).where(mine).run().changes === 1
      if (erased) db.delete(versions).where(eq(versions.webhookId, id)).run()
      return removed || erased
    },
  }
}
