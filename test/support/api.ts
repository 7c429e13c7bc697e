import type { z } from 'zod'
import type { Delivery, DeliveryDetail, Redelivery } from '../../shared/contracts/api/delivery.ts'
import type { Event } from '../../shared/contracts/api/event.ts'
import type { Webhook, WebhookWithSecret } from '../../shared/contracts/api/webhook.ts'
import type { Filter } from '../../shared/contracts/filter.ts'

type Detail = z.infer<typeof DeliveryDetail>
type Created = z.infer<typeof WebhookWithSecret>
type Accepted = { id: string; duplicate: boolean }
export type Reply = { status: number; headers: Headers; body: unknown }

/** What a client of Tidings does, in a word each; anything but the expected status fails the test. */
export type Api = {
  createWebhook(input: { url: string; [member: string]: unknown }): Promise<Created>
  patchWebhook(id: string, patch: Record<string, unknown>): Promise<Webhook>
  webhook(id: string): Promise<Webhook>
  removeWebhook(id: string): Promise<void>
  rotateSecret(id: string, overlapSeconds: number): Promise<Created>
  testWebhook(id: string): Promise<{ event_id: string; delivery_id: string }>
  /** Makes these the webhook's whole set of subscriptions: patterns, or objects with filters. */
  subscribe(id: string, ...subscriptions: (string | Record<string, unknown>)[]): Promise<void>
  /** Resolves with the ids once the events are accepted. */
  publish(events: unknown, headers?: Record<string, string>): Promise<string[]>
  /** The answer to `POST /events`, whatever it is. */
  post(body: string, headers?: Record<string, string>): Promise<Reply>
  event(id: string): Promise<Event>
  delivery(id: string): Promise<Detail>
  /** The delivery of an event to a webhook. */
  deliveryOf(eventId: string, webhookId: string): Promise<Detail>
  count(filter?: Filter): Promise<number>
  redeliver(id: string): Promise<Delivery>
  redeliverAll(filter: Filter): Promise<Redelivery>
  redelivery(id: string): Promise<Redelivery>
  stopRedelivery(id: string): Promise<Redelivery>
  /** Any other call of the status service. */
  steer<T>(expected: number, method: string, path: string, body?: unknown): Promise<T>
}

export function createApi({ ingest, status }: { ingest: { url: string }; status: { url: string } }, key: string): Api {
  async function call(method: string, url: string, body?: unknown, headers: Record<string, string> = {}): Promise<Reply> {
    const text = typeof body === 'string' ? body : body === undefined ? undefined : JSON.stringify(body)
    const type: Record<string, string> = text === undefined ? {} : { 'content-type': 'application/json' }
    const response = await fetch(url, {
      method,
      headers: { authorization: `Bearer ${key}`, ...type, ...headers },
      ...(text !== undefined && { body: text }),
    })
    const answer = await response.text()
    return { status: response.status, headers: response.headers, body: answer ? (JSON.parse(answer) as unknown) : undefined }
  }

  async function steer<T>(expected: number, method: string, path: string, body?: unknown): Promise<T> {
    const reply = await call(method, status.url + path, body)
    if (reply.status !== expected) throw new Error(`${method} ${path} was answered ${reply.status}: ${JSON.stringify(reply.body)}`)
    return reply.body as T
  }

  const post = (body: string, headers?: Record<string, string>) => call('POST', `${ingest.url}/events`, body, headers)

  const api: Api = {
    createWebhook: (input) => steer(201, 'POST', '/webhooks', input),
    patchWebhook: (id, patch) => steer(200, 'PATCH', `/webhooks/${id}`, patch),
    webhook: (id) => steer(200, 'GET', `/webhooks/${id}`),
    removeWebhook: (id) => steer(204, 'DELETE', `/webhooks/${id}`),
    rotateSecret: (id, overlap_seconds) => steer(200, 'POST', `/webhooks/${id}/rotate-secret`, { overlap_seconds }),
    testWebhook: (id) => steer(202, 'POST', `/webhooks/${id}/test`),
    subscribe: (id, ...subscriptions) => steer(200, 'PUT', `/webhooks/${id}/subscriptions`, subscriptions),
    post,
    async publish(events, headers) {
      const reply = await post(typeof events === 'string' ? events : JSON.stringify(events), headers)
      if (reply.status !== 202) throw new Error(`POST /events was answered ${reply.status}: ${JSON.stringify(reply.body)}`)
      return (reply.body as { events: Accepted[] }).events.map((event) => event.id)
    },
    event: (id) => steer(200, 'GET', `/events/${id}`),
    delivery: (id) => steer(200, 'GET', `/webhook-deliveries/${id}`),
    async deliveryOf(eventId, webhookId) {
      const filter = {
        and: [
          { field: 'event_id', op: 'eq', value: eventId },
          { field: 'webhook_id', op: 'eq', value: webhookId },
        ],
      }
      const page = await steer<{ data: Delivery[] }>(200, 'POST', '/webhook-deliveries/filter', { filter })
      if (!page.data[0]) throw new Error(`there is no delivery of event ${eventId} to webhook ${webhookId}`)
      return api.delivery(page.data[0].id)
    },
    count: async (filter) => (await steer<{ count: number }>(200, 'POST', '/webhook-deliveries/count', { filter })).count,
    redeliver: (id) => steer(202, 'POST', `/webhook-deliveries/${id}/redeliver`),
    redeliverAll: (filter) => steer(202, 'POST', '/webhook-deliveries/redeliver', { filter }),
    redelivery: (id) => steer(200, 'GET', `/redeliveries/${id}`),
    stopRedelivery: (id) => steer(200, 'DELETE', `/redeliveries/${id}`),
    steer,
  }
  return api
}
