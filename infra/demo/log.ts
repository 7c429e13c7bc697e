import type { Delivery } from '../../shared/contracts/api/delivery.ts'
import type { Filter } from '../../shared/contracts/filter.ts'
import type { LoggedDelivery } from './account.ts'
import type { Api } from './api.ts'
import type { Told } from './voice.ts'

/** The delivery log, read as anybody can read it. */
type Page = { data: Delivery[]; meta: { next_cursor: string | null } }
const pageRows = 200

export const ofWebhooks = (ids: Iterable<string>): Filter => ({ field: 'webhook_id', op: 'in', value: [...ids] })
export const withStatus = (...status: Delivery['status'][]): Filter => ({ field: 'status', op: 'in', value: status })

export const countDeliveries = async (api: Api, ...filters: Filter[]): Promise<number> =>
  (await api.ask<{ count: number }>('POST', '/webhook-deliveries/count', { filter: { and: filters } })).count

/** Every delivery to these webhooks. */
export async function readDeliveries(api: Api, ...filters: Filter[]): Promise<Delivery[]> {
  const deliveries: Delivery[] = []
  for (let after: string | null | undefined; after !== null; ) {
    const body = { filter: { and: filters }, limit: pageRows, ...(after !== undefined && { after }) }
    const page = await api.ask<Page>('POST', '/webhook-deliveries/filter', body)
    deliveries.push(...page.data)
    after = page.meta.next_cursor
  }
  return deliveries
}

export const loggedOf = (delivery: Delivery, receiver: string): LoggedDelivery => ({
  id: delivery.id,
  receiver,
  eventId: delivery.event_id,
  status: delivery.status,
  attempts: delivery.attempts,
  generation: delivery.generation,
  acceptedAt: Date.parse(delivery.accepted_at),
  deliveredAt: delivery.delivered_at === null ? null : Date.parse(delivery.delivered_at),
})

export type LoggedEvent = Pick<Told, 'type' | 'source'> & {
  entity: Told['entity'] | null
  matched: number | null
  fanned_out_at: string | null
}

/** Undefined when the log does not know it. */
export const readEvent = (api: Api, id: string): Promise<LoggedEvent | undefined> =>
  api.ask<LoggedEvent>('GET', `/events/${id}`).catch((error: Error) => {
    if (/was answered 404/.test(error.message)) return undefined
    throw error
  })

/** Works on a list with a few at a time. */
export async function mapFew<T, R>(list: T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const entries = [...list.entries()]
  const worker = async () => {
    for (let entry = entries.shift(); entry; entry = entries.shift()) results[entry[0]] = await work(entry[1])
  }
  await Promise.all(Array.from({ length: 8 }, worker))
  return results
}
