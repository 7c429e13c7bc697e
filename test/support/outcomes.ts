import type { OutcomeEntry, SendResult } from '../../shared/contracts/delivery.ts'
import { deliveryId } from '../../shared/id.ts'
import type { NewDelivery } from '../../shared/storage/storage.ts'
import { anId, someTime } from './builders.ts'

/** Deliveries, and what a dispatcher says of them in the stream `outcomes`. */

export const aDelivery = (eventId: string, webhookId: string): NewDelivery => ({
  id: deliveryId(eventId, webhookId),
  organizationId: 'org',
  eventId,
  webhookId,
  eventType: 'table.updated',
  subscriptionIds: [],
  acceptedAt: someTime,
  batchId: null,
  lane: null,
  cause: null,
})

type Started = Extract<OutcomeEntry, { kind: 'started' }>
type Finished = Extract<OutcomeEntry, { kind: 'finished' }>
type Held = Extract<OutcomeEntry, { kind: 'held' }>

export const aStart = ({ id: deliveryId, webhookId }: NewDelivery, members: Partial<Started> = {}): Started => ({
  kind: 'started',
  attemptId: anId(),
  deliveryId,
  webhookId,
  generation: 0,
  at: someTime,
  ...members,
})

export const aHold = ({ id: deliveryId, webhookId }: NewDelivery, members: Partial<Held> = {}): Held => ({
  kind: 'held',
  deliveryId,
  webhookId,
  generation: 0,
  step: 0,
  at: someTime,
  ...members,
})

/** The end of the attempt that `start` began. */
export function anEnd(start: Started, statusCode: number, members: Partial<Finished> = {}): Finished {
  const { attemptId, deliveryId, webhookId, generation, at: startedAt } = start
  const succeeded = statusCode < 300
  const result: SendResult = { outcome: succeeded ? 'succeeded' : 'rejected', statusCode, timings: { endMs: 5 } }
  const request = { url: 'http://127.0.0.1:9/', headers: {}, format: 'tidings', bodyHash: '0', bytes: 2 }
  const next = succeeded
    ? { state: 'succeeded' as const, nextAttemptAt: null }
    : { state: 'retrying' as const, nextAttemptAt: startedAt + 60_000 }
  const decision = `answered ${statusCode}`
  return {
    kind: 'finished',
    attemptId,
    deliveryId,
    webhookId,
    generation,
    startedAt,
    at: startedAt + 5,
    result,
    request,
    ...next,
    step: 1,
    decision,
    disableWebhook: false,
    ...members,
  }
}
