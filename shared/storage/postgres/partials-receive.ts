import { sql } from 'drizzle-orm'
import type { NewPartial, PartialIdentity, PartialStore } from '../storage.ts'
import { all, again, rowsOf, type Db, type Executor } from './database.ts'
import { storedKey } from './events.ts'

type Received = Awaited<ReturnType<PartialStore['receive']>>
type Twin = { id: string; key: string; bodyHash: string; state: string; receivedAt: number }
/** Those of one request that are the same, in the order in which they came. */
type Group = { key: string | null; members: [NewPartial, ...NewPartial[]]; indexes: number[] }

/** Thrown, so that the transaction takes all back. */
class Conflict extends Error {
  readonly index: number
  constructor(index: number) {
    super('another body under a known id')
    this.index = index
  }
}

/** Each of them is stored or found; another process that stores the same at this moment is waited for, and its copy found. */
export async function receive(db: Db, list: NewPartial[], identity: PartialIdentity): Promise<Received> {
  const groups = groupsOf(list)
  try {
    const ids = await again(() => db.transaction((tx) => receiveAll(tx, groups, identity)))
    return { kind: 'received', partials: list.map((_, i) => ids.get(i) as { id: string; duplicate: boolean }) }
  } catch (error) {
    if (error instanceof Conflict) return { kind: 'conflict', index: error.index }
    throw error
  }
}

function groupsOf(list: NewPartial[]): Group[] {
  const keyed = new Map<string, Group>()
  const groups: Group[] = []
  for (const [index, partial] of list.entries()) {
    const key = partial.dedupKey === null ? null : storedKey(partial.dedupKey)
    const place = key === null ? undefined : JSON.stringify([partial.organizationId, partial.source, key])
    const known = place === undefined ? undefined : keyed.get(place)
    if (known) {
      known.members.push(partial)
      known.indexes.push(index)
      continue
    }
    const group: Group = { key, members: [partial], indexes: [index] }
    groups.push(group)
    if (place !== undefined) keyed.set(place, group)
  }
  return groups
}

async function receiveAll(tx: Executor, groups: Group[], identity: PartialIdentity) {
  const ids = new Map<number, { id: string; duplicate: boolean }>()
  const settle = ({ indexes }: Group, id: string, isNew: boolean) => {
    for (const [i, index] of indexes.entries()) ids.set(index, { id, duplicate: !isNew || i > 0 })
  }
  let open = groups
  // A copy may end, or be forgotten, between the look and the write: then there is one more look.
  for (let rounds = 0; open.length > 0 && rounds < mostRounds; rounds++) {
    const inserted = await insert(tx, open, identity)
    for (const group of open) if (inserted.has(group.members[0].id)) settle(group, group.members[0].id, true)
    open = open.filter((group) => !inserted.has(group.members[0].id))
    const twins = await findTwins(tx, open, identity)
    if (identity === 'bytes') refuseOthers(groups, twins)
    const known = open.filter((group) => isKnown(twins.get(group), identity))
    if (identity === 'content') await lookAgain(tx, known, twins)
    for (const group of known) settle(group, (twins.get(group) as Twin).id, false)
    open = open.filter((group) => !known.includes(group))
  }
  if (open.length > 0) throw new Error(`${open.length} partial events were neither stored nor found`)
  return ids
}
const mostRounds = 10

/** What has been looked up is news when it comes again, where the id is made of the content. */
const isKnown = (twin: Twin | undefined, identity: PartialIdentity) =>
  twin !== undefined && (identity !== 'content' || twin.state === 'waiting')

/** Where the id alone counts, a copy may well have other bytes: a count of attempts, other white space. */
function refuseOthers(groups: Group[], twins: Map<Group, Twin>): void {
  const others = groups.flatMap((group) => {
    const known = twins.get(group)?.bodyHash ?? group.members[0].bodyHash
    const place = group.key === null ? -1 : group.members.findIndex(({ bodyHash }) => bodyHash !== known)
    return group.indexes[place] ?? []
  })
  if (others.length > 0) throw new Conflict(Math.min(...others))
}

/** Copies of one that waits ask for one more look: its lookup may be under way, and the answer older than they are. */
const laterThan = (receivedAt: number, copies: NewPartial[]) =>
  copies.reduce((time, copy) => Math.max(copy.receivedAt, time + 1), receivedAt)

const insertColumns = `id text, o text, s text, k text, b text, draft text, headers text, raw_start integer, raw_length integer,
  first bigint, at bigint, changed bigint`

/** The ids of those that were not there. */
async function insert(tx: Executor, groups: Group[], identity: PartialIdentity): Promise<Set<string>> {
  const bodies = Buffer.concat(groups.map(({ members: [{ raw }] }) => raw))
  let start = 1
  const rows = groups.map(({ key, members: [one, ...copies] }) => {
    const { id, organizationId: o, source: s, bodyHash: b, raw, receivedAt } = one
    const at = identity === 'content' ? laterThan(receivedAt, copies) : receivedAt
    const changed = identity === 'content' ? (copies.at(-1)?.receivedAt ?? receivedAt) : receivedAt
    const body = { raw_start: start, raw_length: raw.byteLength }
    start += raw.byteLength
    const texts = { draft: JSON.stringify(one.draft), headers: JSON.stringify(one.headers) }
    return { id, o, s, k: key, b, ...texts, ...body, first: receivedAt, at, changed }
  })
  // in the order of the keys: two processes that store the same ones then wait for each other, and not crosswise
  const stored = await all<{ id: string }>(
    tx,
    sql`insert into partials (id, organization_id, source, dedup_key, body_hash, draft, headers, raw, received_at, updated_at, next_attempt_at, state)
      select id, o, s, k, b, draft::json, headers::json, substring(${bodies}::bytea from raw_start for raw_length), at, changed, first, 'waiting'
      from ${rowsOf(rows, insertColumns)} order by o, s, k
      on conflict (organization_id, source, dedup_key) where dedup_key is not null do nothing returning id`,
  )
  return new Set(stored.map(({ id }) => id))
}

async function findTwins(tx: Executor, groups: Group[], identity: PartialIdentity): Promise<Map<Group, Twin>> {
  if (groups.length === 0) return new Map()
  const keys = groups.map(({ key, members: [{ organizationId, source }] }, place) => ({ place, o: organizationId, s: source, k: key }))
  const found = await all<Twin & { place: number }>(
    tx,
    sql`select r.place, p.id, p.dedup_key as key, p.body_hash as "bodyHash", p.state, p.received_at as "receivedAt"
      from ${rowsOf(keys, 'place integer, o text, s text, k text')}
      join partials p on p.organization_id = r.o and p.source = r.s and p.dedup_key = r.k
      order by p.id ${identity === 'content' ? sql`for update of p` : sql``}`,
  )
  return new Map(found.map(({ place, ...twin }) => [groups[place] as Group, twin]))
}

async function lookAgain(tx: Executor, known: Group[], twins: Map<Group, Twin>): Promise<void> {
  const later = known.map((group) => {
    const twin = twins.get(group) as Twin
    return { id: twin.id, at: laterThan(twin.receivedAt, group.members), changed: (group.members.at(-1) as NewPartial).receivedAt }
  })
  if (later.length > 0)
    await tx.execute(sql`
      update partials set received_at = r.at, updated_at = r.changed from ${rowsOf(later, 'id text, at bigint, changed bigint')} where partials.id = r.id`)
  const ended = [...twins.values()].filter(({ state }) => state !== 'waiting').map(({ id }) => id)
  if (ended.length > 0) await tx.execute(sql`update partials set dedup_key = null where id = any(${sql.param(ended)}::text[])`)
}
