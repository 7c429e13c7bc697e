import { createHash } from 'node:crypto'
import type { Attempt } from '../../shared/contracts/api/delivery.ts'
import type { Event } from '../../shared/contracts/event.ts'
import { Problem } from '../../shared/problem.ts'
import { jobOf } from '../../shared/queue.ts'
import type { RenderContext } from '../../shared/payload/format.ts'
import type { ApiKey, DeliveryRow, Attempt as StoredAttempt, Webhook } from '../../shared/storage/storage.ts'
import type { StatusDeps } from './deps.ts'
import { notFound } from './refuse.ts'
import { secretName } from './mask.ts'
import { hidden, inForce, iso, isoOrNull, openSettings, urlFor } from './shape.ts'

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

/** Bodies are not stored with attempts: each is rendered again from the event, and shown only if the bytes are the same. */
export async function showAttempts(attempts: StoredAttempt[], delivery: DeliveryRow, key: ApiKey, deps: Deps): Promise<Attempt[]> {
  const [batch, webhook] = await Promise.all([eventsOf(delivery, deps), deps.storage.webhooks.load(delivery.webhookId)])
  const context = contextOf(delivery, webhook, deps)
  const inBatch = bodiesOf(batch, webhook, context, deps)
  const alone = bodiesOf(
    batch?.filter((event) => event.id === delivery.eventId),
    webhook,
    context,
    deps,
  )
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

type Body = { body: string | null; body_encoding: 'utf8' | 'base64'; body_note: string | null }
type Bodies = (format: string, hash: string) => Body
const noBody = (note: string): Body => ({ body: null, body_encoding: 'utf8', body_note: note })

/** Of the webhook as it is today: what was sent before a change of it shows as differing, and not as something else. */
function contextOf({ webhookId, webhookLabel }: DeliveryRow, webhook: Webhook | undefined, { vault, clock }: Deps): RenderContext {
  if (!webhook) return { webhook: { id: webhookId, label: webhookLabel }, settings: {}, secrets: [] }
  const secrets = inForce(webhook.secrets, clock.now()).map(({ sealed }) => vault.open(sealed, webhook.id))
  return { webhook, settings: openSettings(webhook, vault), secrets }
}

function bodiesOf(
  events: Event[] | undefined,
  webhook: Pick<Webhook, 'batchSize'> | undefined,
  context: RenderContext,
  { formats, log }: Pick<Deps, 'formats' | 'log'>,
): Bodies {
  const rendered = new Map<string, Uint8Array | undefined>()

  function render(name: string, list: Event[]): Uint8Array | undefined {
    const format = formats.get(name)
    const [first] = list
    try {
      const inBatches = list.length > 1 || (webhook?.batchSize ?? 1) > 1
      if (inBatches && format.renderBatch) return format.renderBatch(list, context).body
      return first && format.render(first, context).body
    } catch (error) {
      // one attempt that cannot be shown must not hide the others
      log.warn({ err: error, format: name, eventId: first?.id }, 'payload not rendered again')
      return undefined
    }
  }

  return (format, hash) => {
    if (hash === '') return noBody('no request was made')
    if (!events) return noBody('the event is no longer stored')
    if (!formats.has(format)) return noBody(`the format "${format}" is not installed any more`)
    if (!rendered.has(format)) rendered.set(format, render(format, events))
    const body = rendered.get(format)
    if (!body) return noBody(`the format "${format}" does not render this event any more`)
    if (createHash('sha256').update(body).digest('hex') !== hash)
      return noBody(`the webhook or the format "${format}" has changed since: it would give other bytes than those that were sent`)
    return textOf(body, secretsIn(context.settings))
  }
}

/** Some services want their key in the body, and whoever may read the log need not know it. */
const secretsIn = (settings: Record<string, unknown>): string[] =>
  Object.entries(settings).flatMap(([name, value]) => (secretName.test(name) && typeof value === 'string' && value !== '' ? [value] : []))

function textOf(bytes: Uint8Array, secrets: string[]): Body {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const text = buffer.toString('utf8')
  const isText = Buffer.from(text).equals(buffer)
  return isText
    ? { body: secrets.reduce((shown, secret) => shown.replaceAll(secret, hidden), text), body_encoding: 'utf8', body_note: null }
    : { body: buffer.toString('base64'), body_encoding: 'base64', body_note: null }
}

function requestOf({ request }: StoredAttempt, bodies: Bodies, key: ApiKey): Attempt['request'] {
  if (!request) return null
  const { url, headers, format, bytes, bodyHash } = request
  return { method: 'POST', url: urlFor(key, url), headers, format, bytes, body_sha256: bodyHash, ...bodies(format, bodyHash) }
}

const responseOf = ({ statusCode, responseHeaders, responseBody, responseTruncated }: StoredAttempt): Attempt['response'] =>
  statusCode === null ? null : { status_code: statusCode, headers: responseHeaders ?? {}, body: responseBody, truncated: responseTruncated }
