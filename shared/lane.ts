import { createHash } from 'node:crypto'
import type { Envelope } from './contracts/event.ts'
import type { Webhook } from './storage/storage.ts'

/** Deliveries of one lane wait for one another. What has no entity is a lane of its own. */
export function laneOf(envelope: Envelope, webhookId: string, order: Webhook['order']): string | null {
  if (order === null) return null
  if (order === 'webhook') return webhookId
  const { entity, subject, type } = envelope
  const name = entity ? `${entity.type}/${entity.id ?? entity.name ?? ''}` : (subject ?? type)
  return `${webhookId}:${createHash('sha256').update(name).digest('base64url').slice(0, 22)}`
}
