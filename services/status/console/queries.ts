import { QueryClient, useQuery, type UseQueryResult } from '@tanstack/react-query'
import type { z } from 'zod'
import type { Delivery, DeliveryDetail as Detail } from '../../../shared/contracts/api/delivery.ts'
import type { Choices } from '../../../shared/contracts/api/choices.ts'
import type { Event, EventSummary } from '../../../shared/contracts/api/event.ts'
import type { Source } from '../../../shared/contracts/api/source.ts'
import type { Health, Stats } from '../../../shared/contracts/api/stats.ts'
import type { Subscription } from '../../../shared/contracts/api/subscription.ts'
import type { Webhook } from '../../../shared/contracts/api/webhook.ts'
import type { Filter } from '../../../shared/contracts/filter.ts'
import { get, post, Refused, type List } from './api.ts'

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      // what was refused is refused again; only a service that is away may come back
      retry: (count, error) => count < 2 && error instanceof Refused && (error.status === 0 || error.status >= 500),
      refetchOnWindowFocus: false,
    },
  },
})

export type DeliveryDetail = z.infer<typeof Detail>
export const pageSize = 100
/** What is found until then is shown, and the search goes on behind it. */
const patienceMs = 120

export const fetchDeliveries = (filter: Filter | undefined, direction: 'asc' | 'desc', after: string | undefined, signal?: AbortSignal) =>
  post<List<Delivery>>(
    '/webhook-deliveries/filter',
    {
      ...(filter && { filter }),
      sort: [{ field: 'created_at', direction }],
      limit: pageSize,
      patience_ms: patienceMs,
      ...(after && { after }),
    },
    signal,
  )

export const useDelivery = (id: string, refetchMs: number | false): UseQueryResult<DeliveryDetail> =>
  useQuery({
    queryKey: ['delivery', id],
    queryFn: ({ signal }) => get<DeliveryDetail>(`/webhook-deliveries/${encodeURIComponent(id)}`, signal),
    refetchInterval: ({ state }) => (state.data && isOpen(state.data) ? 1_000 : refetchMs),
  })
export const isOpen = ({ status }: { status: string }) => status === 'pending' || status === 'retrying'

export const useEvent = (id: string) =>
  useQuery({
    queryKey: ['event', id],
    queryFn: ({ signal }) => get<Event>(`/events/${encodeURIComponent(id)}`, signal),
    refetchInterval: ({ state }) => (state.data && state.data.fanned_out_at === null ? 1_000 : false),
  })

/** The newest webhooks; enough for the choice of one in a filter. */
export const useWebhooks = () =>
  useQuery({ queryKey: ['webhooks'], queryFn: ({ signal }) => get<List<Webhook>>('/webhooks?limit=200', signal), refetchInterval: 10_000 })

export const useWebhook = (id: string) =>
  useQuery({
    queryKey: ['webhook', id],
    queryFn: ({ signal }) => get<Webhook>(`/webhooks/${encodeURIComponent(id)}`, signal),
    refetchInterval: 5_000,
  })
export const useSubscriptions = (id: string) =>
  useQuery({
    queryKey: ['subscriptions', id],
    queryFn: ({ signal }) => get<List<Subscription>>(`/webhooks/${encodeURIComponent(id)}/subscriptions`, signal),
  })
export const useChoices = () =>
  useQuery({ queryKey: ['choices'], queryFn: ({ signal }) => get<Choices>('/choices', signal), staleTime: Number.POSITIVE_INFINITY })
export const useStats = (minutes: number) =>
  useQuery({
    queryKey: ['stats', minutes],
    queryFn: ({ signal }) => get<Stats>(`/stats?minutes=${minutes}`, signal),
    refetchInterval: 2_000,
  })
export const useHealth = () =>
  useQuery({ queryKey: ['health'], queryFn: ({ signal }) => get<Health>('/stats/webhooks?hours=24', signal), refetchInterval: 15_000 })
export const useSources = () => useQuery({ queryKey: ['sources'], queryFn: ({ signal }) => get<List<Source>>('/sources', signal) })

export const fetchEvents = (filter: Filter | undefined, limit: number, signal?: AbortSignal) =>
  post<List<EventSummary>>('/events/filter', { ...(filter && { filter }), limit }, signal)
