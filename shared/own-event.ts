import { createHash } from 'node:crypto'
import type { Envelope } from './contracts/event.ts'
import { createId } from './id.ts'
import type { NewEvent } from './storage/storage.ts'

/** The source of what Tidings itself has to tell; no other source may have this name. */
export const ownSource = 'tidings'

/** What Tidings tells of its own work, to whoever subscribes to it. */
export type OwnType = 'webhook.test' | 'webhook.failing' | 'webhook.disabled' | 'delivery.failed'

type Telling = {
  type: OwnType
  organizationId: string
  webhook: { id: string; label: string | null }
  data: Record<string, unknown>
  now: number
  /** For this webhook alone. */
  to?: string
}

/** An event of Tidings about one of its webhooks, as a source would have sent it. */
export function ownEvent({ type, organizationId, webhook, data, now, to }: Telling): NewEvent {
  const envelope: Envelope = {
    id: createId(),
    organizationId,
    source: ownSource,
    type,
    time: new Date(now).toISOString(),
    subject: `webhooks/${webhook.id}`,
    entity: { type: 'webhook', id: webhook.id, ...(webhook.label && { name: webhook.label }) },
    ...(to && { to: [to] }),
  }
  const raw = Buffer.from(JSON.stringify(data))
  return {
    envelope,
    dedupKey: null,
    bodyHash: createHash('sha256').update(raw).digest('hex'),
    raw,
    data: { start: 0, end: raw.length },
    headers: { 'content-type': 'application/json' },
    receivedAt: now,
  }
}
