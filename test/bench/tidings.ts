import { setTimeout as pause } from 'node:timers/promises'
import type { Backlog } from './backlog.ts'
import type { ServiceProcess } from '../support/processes.ts'
import { until } from './clock.ts'
import { domainOf, eventText } from './event.ts'
import { createPool, requestBytes, type Pool } from './http.ts'

type Webhook = { url: string; subscription: object }

/** What the benchmark asks of a Tidings, by the way that everybody asks. */
export type Tidings = {
  /** Over this many connections. */
  ingest: Pool
  eventRequest(body: string): Buffer
  ask<T>(path: string, body: unknown): Promise<T>
  createWebhooks(webhooks: Webhook[]): Promise<void>
  /** Events that lie in the queue and wait; it has to be paused, or no dispatcher be there. */
  fill(events: number, make: () => string, deliveries?: number): Promise<void>
  waiting(): Promise<number>
}

export const connections = 64
const perRequest = 100

type Services = { ingests: ServiceProcess[]; status: ServiceProcess; backlog: Backlog }

export function createTidings({ ingests, status, backlog }: Services): Tidings {
  const key = /admin key, shown this once: (\S+)/.exec(status.output())?.[1] ?? ''
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  const pool = createPool(
    ingests.map(({ url }) => url),
    connections,
  )
  const eventRequest = (body: string) => requestBytes(`${ingests[0]?.url}/events`, headers, body)
  const { waiting } = backlog

  async function ask<T>(path: string, body: unknown): Promise<T> {
    const response = await fetch(status.url + path, { method: 'POST', headers, body: JSON.stringify(body) })
    if (response.status === 429) {
      // to create thousands is no part of any measurement
      await response.body?.cancel()
      await pause(Number(response.headers.get('retry-after') ?? 1) * 1_000)
      return ask(path, body)
    }
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`)
    return (await response.json()) as T
  }

  return {
    ingest: pool,
    eventRequest,
    ask,
    async createWebhooks(webhooks) {
      let next = 0
      const work = async () => {
        for (let one = webhooks[next++]; one; one = webhooks[next++]) {
          const { id } = await ask<{ id: string }>('/webhooks', { url: one.url })
          await ask(`/webhooks/${id}/subscriptions`, one.subscription)
        }
      }
      await Promise.all(Array.from({ length: 16 }, work))
    },
    async fill(events, make, deliveries = events) {
      const before = await waiting()
      const requests = Math.ceil(events / perRequest)
      const batch = (index: number) => Math.min(perRequest, events - index * perRequest)
      await pool.closedLoop(requests, (index) => eventRequest(`[${Array.from({ length: batch(index) }, make).join(',')}]`))
      await until(`${deliveries} deliveries wait in the queue`, async () => (await waiting()) >= before + deliveries)
    },
    waiting,
  }
}

export const usualWebhooks = 50

/** As an installation has them: each wants the changes of tables of one domain, so that an event goes to one of them. */
export const webhooksAt = (sink: string): Webhook[] =>
  Array.from({ length: usualWebhooks }, (_, n) => ({
    url: `${sink}/webhooks/${n}`,
    subscription: { event_type: 'table.*', filters: { domains: [domainOf(n)] } },
  }))

export const usualEvent = (sentAt?: number): string => eventText({ webhooks: usualWebhooks, ...(sentAt !== undefined && { sentAt }) })
