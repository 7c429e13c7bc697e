import { useQuery } from '@tanstack/react-query'
import type { z } from 'zod'
import type { Count } from '../../../../shared/contracts/api/delivery.ts'
import type { Filter } from '../../../../shared/contracts/filter.ts'
import { post } from '../api.ts'

/** Above this it does not matter any more how many there are. */
const enough = 10_000
const patienceMs = 120

export const countDeliveries = (filter: Filter | undefined, signal?: AbortSignal) =>
  post<z.infer<typeof Count>>('/webhook-deliveries/count', { ...(filter && { filter }), up_to: enough, patience_ms: patienceMs }, signal)

export function useMatching(filter: Filter | undefined, live: boolean) {
  const { data } = useQuery({
    queryKey: ['count', JSON.stringify(filter ?? null)],
    queryFn: ({ signal }) => countDeliveries(filter, signal),
    refetchInterval: live ? 10_000 : false,
    gcTime: 0,
  })
  return data
}
