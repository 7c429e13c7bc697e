import type { Attempt } from '../../shared/contracts/api/delivery.ts'
import type { Event } from '../../shared/contracts/event.ts'
import { Problem } from '../../shared/problem.ts'
import { jobOf } from '../../shared/queue.ts'
import type { ApiKey, DeliveryRow, Attempt as StoredAttempt } from '../../shared/storage/storage.ts'
import { bodiesOf, contextsOf, type Bodies } from './bodies.ts'
import type { StatusDeps } from './deps.ts'
import { notFound } from './refuse.ts'
import { iso, isoOrNull, urlFor } from './shape.ts'

type Deps = Pick<StatusDeps, 'storage' | 'formats' | 'vault' | 'queue' | 'clock' | 'log'>

export async function findDelivery(
  organizationId: string,
  id: string,
  deps: Pick<Deps, 'storage'>,
): Promise<{ delivery: DeliveryRow; attempts: StoredAttempt[] }> {
  const found = await deps.storage.deliveries.find(organizationId, id)
  if (!found) throw notFound('delivery', id)
  return found
}

/** The row comes first: a job that does not get into Redis now is put there by the reconciler. */
export async function redeliver(organizationId: string, id: string, deps: Deps): Promise<DeliveryRow> {
  const opened = await deps.storage.deliveries.redeliver(organizationId, id, deps.clock.now())
  if (!opened) throw notFound('delivery', id)
  if (opened === 'open')
    throw new Problem('conflict', 'this delivery is still under way; it can be sent again once it has succeeded, failed or been cancelled')
  if (opened === 'gone') throw new Problem('conflict', 'the webhook of this delivery is removed or not active; switch it on first')
  await deps.queue
    .add([jobOf(opened, deps.clock.now(), 'fresh')])
    .catch((error: unknown) => deps.log.warn({ err: error, deliveryId: id }, 'redelivery not queued, left to the reconciler'))
  return (await findDelivery(organizationId, id, deps)).delivery
}

export async function showAttempts(attempts: StoredAttempt[], delivery: DeliveryRow, key: ApiKey, deps: Deps): Promise<Attempt[]> {
  const [batch, webhook] = await Promise.all([eventsOf(delivery, deps), deps.storage.webhooks.load(delivery.webhookId)])
  const contexts = await contextsOf(delivery, webhook, batch, deps)
  const inBatch = bodiesOf(batch, contexts, deps)
  const own = batch?.filter((event) => event.id === delivery.eventId)
  const alone = bodiesOf(own, contexts, deps)
  return attempts.map((attempt) => ({
    id: attempt.id,
    number: attempt.number,
    generation: attempt.generation,
    started_at: iso(attempt.startedAt),
    finished_at: isoOrNull(attempt.finishedAt),
    outcome: attempt.outcome,
    error: attempt.error,
    timings: attempt.timings && { headers_ms: attempt.timings.headersMs ?? null, end_ms: attempt.timings.endMs },
    request: requestOf(attempt, attempt.generation === 0 ? inBatch : alone, key),
    response: responseOf(attempt),
    decision: attempt.decision,
    next_attempt_at: isoOrNull(attempt.nextAttemptAt),
  }))
}

/** Undefined when one of them is no longer stored. */
async function eventsOf({ batchId, eventId }: DeliveryRow, { storage }: Pick<Deps, 'storage'>): Promise<Event[] | undefined> {
  const ids = batchId === null ? [eventId] : await storage.deliveries.eventsInBatch(batchId)
  const events = await Promise.all(ids.map((id) => storage.events.load(id)))
  const found = events.flatMap((stored) => (stored ? { ...stored.envelope, data: stored.data } : []))
  return found.length === ids.length ? found : undefined
}

function requestOf({ request }: StoredAttempt, bodies: Bodies, key: ApiKey): Attempt['request'] {
  if (!request) return null
  const { url, headers, format, bytes, bodyHash } = request
  return { method: 'POST', url: urlFor(key, url), headers, format, bytes, body_sha256: bodyHash, ...bodies(format, bodyHash) }
}

const responseOf = ({ statusCode, responseHeaders, responseBody, responseTruncated }: StoredAttempt): Attempt['response'] =>
  statusCode === null ? null : { status_code: statusCode, headers: responseHeaders ?? {}, body: responseBody, truncated: responseTruncated }
