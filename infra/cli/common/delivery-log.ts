import { setTimeout as wait } from 'node:timers/promises'
import type { Delivery } from '../../../shared/contracts/api/delivery.ts'
import type { EventSummary } from '../../../shared/contracts/api/event.ts'
import type { Filter } from '../../../shared/contracts/filter.ts'
import type { Api } from './api.ts'
import { createGrowth, pageRows, type Source } from './growth.ts'
import { both, type Where } from './where.ts'

type Page<T> = { data: T[]; meta: { next_cursor: string | null } }

export const sourceOf = <T extends { id: string }>(api: Api, path: string, field: string & keyof T): Source<T> => ({
  field,
  timeOf: (row) => row[field] as string,
  page: async (filter, direction, limit) =>
    (await api.call<Page<T>>('POST', path, { ...(filter && { filter }), sort: [{ field, direction }], limit })).data,
})
export const deliveriesOf = (api: Api): Source<Delivery> => sourceOf(api, '/webhook-deliveries/filter', 'created_at')
export const eventsOf = (api: Api): Source<EventSummary> => sourceOf(api, '/events/filter', 'received_at')

export const isOpen = ({ status }: Pick<Delivery, 'status'>): boolean => status === 'pending' || status === 'retrying'

const before = (at: string, ms: number) => new Date(Math.max(0, Date.parse(at) - ms)).toISOString()

/** What was shown of a delivery: shown again only when something else is to be said. */
const standing = ({ status, generation, attempts }: Delivery) => `${status} ${generation} ${attempts}`
/** A change is written down a little after its time. */
const overlapMs = 5_000
/** Far longer than that: what was shown is remembered. */
const rememberedMs = 120_000
/** Changes are in no index: so long the log is searched for them each time, newest first. */
const patienceMs = 40
/** More than a redelivery of many opens between two looks. */
const mostPages = 10
/** More open deliveries than this are not asked for one by one; what is left out is said. */
const maxWatched = 10_000

export type Changes = {
  /** Begins now: with what is open, and behind the end of the log. */
  begin(): Promise<void>
  beginAt(at: string): void
  /** Deliveries that are new, or stand otherwise than before, in the order of their change. */
  look(): Promise<Delivery[]>
  /** Shown already, in another way. */
  know(rows: Delivery[]): void
}

/**
 * The log of deliveries as it lives. New ones come along the index of their time; those that are open are asked for again by their
 * ids until they have ended. What a filter says of a delivery that may still change is asked of those alone that have changed.
 */
export function createChanges(api: Api, where: Where, say: (line: string) => void): Changes {
  const source = deliveriesOf(api)
  const growth = createGrowth(source, where.fixed)
  const watched = new Map<string, string>()
  const ended = new Map<string, { standing: string; at: string }>()
  let latest = ''
  let told = false

  function note(row: Delivery): boolean {
    const now = standing(row)
    if (row.updated_at > latest) latest = row.updated_at
    if (watched.get(row.id) === now || ended.get(row.id)?.standing === now) return false
    if (!isOpen(row)) {
      watched.delete(row.id)
      ended.set(row.id, { standing: now, at: row.updated_at })
    } else if (watched.has(row.id) || watched.size < maxWatched) watched.set(row.id, now)
    else if (!told) {
      told = true
      say(`More than ${maxWatched} deliveries are open; those beyond are shown as they come, and not as they end.`)
    }
    return true
  }

  /** By ids, in chunks of a page. */
  async function ask(ids: string[], more: Filter[] = []): Promise<Delivery[]> {
    const rows: Delivery[] = []
    for (let at = 0; at < ids.length; at += pageRows) {
      const some: Filter = { field: 'id', op: 'in', value: ids.slice(at, at + pageRows) }
      rows.push(...(await source.page(both(some, ...more), 'asc', pageRows)))
    }
    return rows
  }

  /** Those sent again that have changed lately: they may have ended between two looks. Of a very long log, the newer part is searched. */
  async function sentAgain(): Promise<Delivery[]> {
    if (latest === '') return []
    const again: Filter = { field: 'generation', op: 'gte', value: 1 }
    const filter = both(...where.fixed, again, { field: 'updated_at', op: 'gte', value: before(latest, overlapMs) })
    const asked = { filter, sort: [{ field: 'created_at', direction: 'desc' }], limit: pageRows, patience_ms: patienceMs }
    const rows: Delivery[] = []
    for (let after: string | null | undefined, pages = 0; after !== null && pages < mostPages; pages++) {
      const page: Page<Delivery> = await api.call('POST', '/webhook-deliveries/filter', { ...asked, ...(after && { after }) })
      rows.push(...page.data)
      after = page.data.length === pageRows ? page.meta.next_cursor : null
    }
    return rows
  }

  function forget(): void {
    const oldest = before(latest || new Date(0).toISOString(), rememberedMs)
    for (const [id, { at }] of ended) if (at < oldest) ended.delete(id)
  }

  /** The newest that are open, however old: sent again, a delivery is as old as it was. */
  async function reopened(): Promise<Delivery[]> {
    const open = ['pending', 'retrying'].map((status): Filter => ({ field: 'status', op: 'eq', value: status }))
    return (await Promise.all(open.map((one) => source.page(both(...where.fixed, one), 'desc', pageRows)))).flat()
  }

  return {
    async begin() {
      await growth.begin()
      const newest = await source.page(both(...where.fixed), 'desc', pageRows)
      for (const row of [...newest, ...(await reopened())]) note(row)
      for (const row of await sentAgain()) note(row)
    },
    beginAt: growth.beginAt,
    know: (rows) => rows.forEach(note),
    async look() {
      const known = await ask([...watched.keys()])
      const old = [...(await sentAgain()), ...(await reopened())]
      const rows = new Map([...old, ...known, ...(await growth.look())].map((row) => [row.id, row]))
      const changed = [...rows.values()].filter(note)
      forget()
      const shown =
        where.moving.length > 0
          ? await ask(
              changed.map(({ id }) => id),
              where.moving,
            )
          : changed
      // between the two questions a delivery may have gone on: what is shown is what is known
      shown.forEach(note)
      return shown.sort((a, b) => (a.updated_at < b.updated_at ? -1 : 1))
    },
  }
}

/** Until the signal, or until `done`. The pause is the shortest when something happens, and grows when nothing does. */
export async function poll(signal: AbortSignal, look: () => Promise<'news' | 'nothing' | 'done'>): Promise<void> {
  for (let pauseMs = 250; !signal.aborted; ) {
    const found = await look()
    if (found === 'done') return
    pauseMs = found === 'news' ? 250 : Math.min(1_000, pauseMs * 1.5)
    await wait(pauseMs, undefined, { signal }).catch(() => {})
  }
}
