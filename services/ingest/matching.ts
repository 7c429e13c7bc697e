import type { Envelope } from '../../shared/contracts/event.ts'
import { deliveryId } from '../../shared/id.ts'
import { laneOf } from '../../shared/lane.ts'
import { createMatcher, type Matcher } from '../../shared/matcher.ts'
import { findRecipients } from '../../shared/recipients.ts'
import type { DeliveryCause, FanOutPlan, NewDelivery, Storage, Terms } from '../../shared/storage/storage.ts'

export type AcceptedEvent = { envelope: Envelope; data: string; receivedAt: number }
export type Matching = {
  /** An event committed after a subscription was must be matched by it: asked for before a round is matched. */
  refresh(): Promise<void>
  match(event: AcceptedEvent): Promise<NewDelivery[]>
  /** What stands at a webhook and decides how it is delivered to; undefined where it was not met yet. */
  termsOf(webhookId: string): Terms | undefined
  /**
   * Deliveries that can be stored in one commit with their events: few, and none for which something else has to be
   * looked up or gathered first. Undefined: they are to be fanned out afterwards.
   */
  plan(events: Pick<AcceptedEvent, 'envelope' | 'receivedAt'>[]): FanOutPlan | undefined
}

/** More would hold the 202 up. */
const plannedMost = 200

/** Which webhooks want an event, by the registry as it was last read. */
export function createMatching(storage: Pick<Storage, 'subscriptions' | 'webhooks' | 'directory'>): Matching {
  let matcher: Matcher = createMatcher(-1, [])
  let terms: Record<string, Terms> = {}

  /** Who is told because a webhook tells owners, followers or admins, and has a webhook of their own. */
  async function toRecipients(event: AcceptedEvent, wanted: Map<string, string[]>): Promise<NewDelivery[]> {
    const told = new Map<string, DeliveryCause>()
    for (const webhookId of wanted.keys()) {
      const kinds = terms[webhookId]?.recipients ?? []
      if (kinds.length === 0) continue
      const { webhookIds } = await findRecipients({ ...event.envelope, data: event.data }, kinds, storage.directory)
      for (const id of webhookIds) if (!wanted.has(id) && !told.has(id)) told.set(id, { kind: 'recipient', webhookId })
    }
    const known = await addressed([...told.keys()])
    return [...known.keys()].map((id) => newDelivery(event, id, { subscriptionIds: [], cause: told.get(id) ?? null }))
  }

  async function addressed(webhookIds: string[]): Promise<Map<string, string[]>> {
    const known = webhookIds.length > 0 ? await storage.webhooks.loadAll(webhookIds) : []
    for (const webhook of known) terms[webhook.id] ??= webhook
    return new Map(known.map((webhook) => [webhook.id, []]))
  }

  function newDelivery(
    { envelope, receivedAt }: Pick<AcceptedEvent, 'envelope' | 'receivedAt'>,
    webhookId: string,
    why: Pick<NewDelivery, 'subscriptionIds' | 'cause'>,
  ): NewDelivery {
    const { organizationId, id: eventId, type: eventType } = envelope
    return {
      id: deliveryId(eventId, webhookId),
      organizationId,
      eventId,
      webhookId,
      eventType,
      acceptedAt: receivedAt,
      batchId: null,
      lane: laneOf(envelope, webhookId, terms[webhookId]?.order ?? null),
      ...why,
    }
  }

  const isPlain = (webhookId: string) => terms[webhookId]?.batchSize === 1 && terms[webhookId].recipients.length === 0

  return {
    async refresh() {
      if ((await storage.webhooks.registryVersion()) === matcher.version) return
      const inForce = await storage.subscriptions.inForce()
      matcher = createMatcher(inForce.version, inForce.subscriptions)
      terms = inForce.terms
    },
    async match(event) {
      const { envelope } = event
      const wanted = envelope.to ? await addressed(envelope.to) : matcher.match(envelope)
      const deliveries = [...wanted].map(([webhookId, subscriptionIds]) => newDelivery(event, webhookId, { subscriptionIds, cause: null }))
      return [...deliveries, ...(await toRecipients(event, wanted))]
    },
    termsOf: (webhookId) => terms[webhookId],
    plan(events) {
      if (matcher.version < 0) return undefined
      const deliveries: NewDelivery[] = []
      for (const event of events) {
        if (event.envelope.to) return undefined
        for (const [webhookId, subscriptionIds] of matcher.match(event.envelope)) {
          if (!isPlain(webhookId) || deliveries.length === plannedMost) return undefined
          deliveries.push(newDelivery(event, webhookId, { subscriptionIds, cause: null }))
        }
      }
      return { version: matcher.version, deliveries }
    },
  }
}
