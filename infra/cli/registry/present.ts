import type { Choices } from '../../../shared/contracts/api/choices.ts'
import type { EventType } from '../../../shared/contracts/api/event-type.ts'
import type { Source } from '../../../shared/contracts/api/source.ts'
import type { Subscription } from '../../../shared/contracts/api/subscription.ts'
import type { Webhook } from '../../../shared/contracts/api/webhook.ts'
import type { Api } from '../common/api.ts'
import type { Wanted } from './file.ts'

export type PresentWebhook = Webhook & { subscriptions: Pick<Subscription, 'event_type' | 'filters'>[] }
/** What Tidings has of the kinds that the file speaks of. */
export type Present = { eventTypes: EventType[]; sources: Source[]; webhooks: PresentWebhook[]; choices: Choices }

const atOnce = 8

export async function readPresent(api: Api, wanted: Wanted): Promise<Present> {
  const listOf = async <T>(path: string) => (await api.get<{ data: T[] }>(path)).data
  const [eventTypes, sources, webhooks, choices] = await Promise.all([
    wanted.event_types ? listOf<EventType>('/event-types') : [],
    wanted.sources ? listOf<Source>('/sources') : [],
    wanted.webhooks ? api.all<Webhook>('/webhooks') : [],
    api.get<Choices>('/choices'),
  ])
  const labels = new Set(Object.keys(wanted.webhooks ?? {}))
  const withSubscriptions: PresentWebhook[] = []
  for (let at = 0; at < webhooks.length; at += atOnce) {
    const some = webhooks.slice(at, at + atOnce).map(async (webhook) => {
      const asked = webhook.label !== null && labels.has(webhook.label)
      return { ...webhook, subscriptions: asked ? await listOf<Subscription>(`/webhooks/${webhook.id}/subscriptions`) : [] }
    })
    withSubscriptions.push(...(await Promise.all(some)))
  }
  return { eventTypes, sources, webhooks: withSubscriptions, choices }
}
