import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useMemo, useState } from 'react'
import type { Delivery } from '../../../shared/contracts/api/delivery.ts'
import type { Filter } from '../../../shared/contracts/filter.ts'
import { both, type Search } from './where.ts'
import { fetchDeliveries, isOpen, pageSize } from './queries.ts'

const pollMs = 1_000
const overlapMs = 10_000
/** Open deliveries that are watched for a change at once. */
const watched = 200

/**
 * The log as a list that grows at both ends: pages below as one scrolls, and while it is live what arrives on top. Open
 * deliveries that are already shown are asked for again, so that each row tells how it stands.
 */
export function useLog(search: Search, filter: Filter | undefined, live: boolean, hold: boolean) {
  const client = useQueryClient()
  const key = useMemo(() => ['log', JSON.stringify(filter ?? null), search.direction], [filter, search.direction])
  const pages = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam, signal }) => fetchDeliveries(filter, search.direction, pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.meta.next_cursor ?? undefined,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  })
  const older = useMemo(() => pages.data?.pages.flatMap((page) => page.data) ?? [], [pages.data])
  const [news, setNews] = useState<Delivery[]>([])
  useEffect(() => setNews([]), [key])

  // what other processes made a little earlier may come to the log a little later
  const since = useMemo(() => new Date((older[0] ? Date.parse(older[0].created_at) : Date.now()) - overlapMs).toISOString(), [older])
  const isLive = live && search.direction === 'desc' && pages.data !== undefined
  const head = useQuery({
    queryKey: ['log head', since, ...key],
    queryFn: ({ signal }) => fetchDeliveries(both(filter, { field: 'created_at', op: 'gte', value: since }), 'desc', undefined, signal),
    enabled: isLive,
    refetchInterval: pollMs,
    gcTime: 0,
  })
  const open = useMemo(
    () =>
      [...news, ...older]
        .filter(isOpen)
        .slice(0, watched)
        .map(({ id }) => id),
    [news, older],
  )
  const changes = useQuery({
    queryKey: ['log changes', ...key, open.join()],
    queryFn: ({ signal }) => fetchDeliveries(openOnes(open), 'desc', undefined, signal),
    enabled: live && open.length > 0,
    refetchInterval: pollMs,
    gcTime: 0,
  })

  const known = useMemo(() => new Set(older.map(({ id }) => id)), [older])
  useEffect(() => {
    const page = head.data
    if (!page) return
    const fresh = page.data.filter(({ id }) => !known.has(id))
    // a gap: more has come than one page holds, so the list begins anew
    if (fresh.length === pageSize && page.meta.has_more && !hold) void client.resetQueries({ queryKey: key })
    else setNews(fresh)
  }, [head.data, known, hold, client, key])

  const [shownNews, setShownNews] = useState<Delivery[]>([])
  useEffect(() => {
    if (!hold) setShownNews(news)
  }, [news, hold])

  const rows = useMemo(() => {
    const current = new Map([...(head.data?.data ?? []), ...(changes.data?.data ?? [])].map((one) => [one.id, one]))
    return [...shownNews, ...older].map((row) => latest(row, current.get(row.id)))
  }, [shownNews, older, head.data, changes.data])
  return { rows, pages, waiting: hold ? news.length - shownNews.length : 0, at: head.dataUpdatedAt }
}

const latest = (row: Delivery, other: Delivery | undefined) =>
  other && (other.updated_at > row.updated_at || other.attempts > row.attempts || other.generation > row.generation) ? other : row
const openOnes = (ids: string[]): Filter => both(undefined, { field: 'id', op: 'in', value: ids })
