import { createHash } from 'node:crypto'
import type { Event } from '../../shared/contracts/event.ts'
import type { Format, RenderContext } from '../../shared/payload/format.ts'
import { findRecipients } from '../../shared/recipients.ts'
import type { DeliveryRow, Webhook } from '../../shared/storage/storage.ts'
import type { StatusDeps } from './deps.ts'
import { secretName } from './mask.ts'
import { hidden, openSettings } from './shape.ts'

/** Bodies are not stored with attempts: each is rendered again from its events, and shown only if the bytes are the same. */
export type Body = { body: string | null; body_encoding: 'utf8' | 'base64'; body_note: string | null }
export type Bodies = (format: string, hash: string) => Body
const noBody = (note: string): Body => ({ body: null, body_encoding: 'utf8', body_note: note })

type Deps = Pick<StatusDeps, 'storage' | 'vault'>

/**
 * The webhook as it is today, and as it may have been where that is still known: signing with a secret that was rotated
 * since, telling nobody yet. What was sent before any other change of it shows as differing, and not as something else.
 */
export async function contextsOf(
  { webhookId, webhookLabel }: DeliveryRow,
  webhook: Webhook | undefined,
  events: Event[] | undefined,
  { storage, vault }: Deps,
): Promise<RenderContext[]> {
  if (!webhook) return [{ webhook: { id: webhookId, label: webhookLabel }, settings: {}, secrets: [] }]
  const secrets = webhook.secrets.map(({ sealed }) => vault.open(sealed, webhook.id))
  const settings = openSettings(webhook, vault)
  const plain = secrets.length === 0 ? [[]] : secrets.map((_, i) => secrets.slice(i))
  const contexts = plain.map((inForce): RenderContext => ({ webhook, settings, secrets: inForce }))
  if (webhook.recipients.length === 0 || !events) return contexts
  const found = events.map(
    async (event) => [event.id, (await findRecipients(event, webhook.recipients, storage.directory)).people] as const,
  )
  const recipients = new Map(await Promise.all(found))
  return [...contexts.map((context) => ({ ...context, recipients })), ...contexts]
}

export function bodiesOf(
  events: Event[] | undefined,
  contexts: RenderContext[],
  { formats, log }: Pick<StatusDeps, 'formats' | 'log'>,
): Bodies {
  const rendered = new Map<string, Map<string, Uint8Array>>()

  /** By their hashes. */
  function renderAll(name: string, list: Event[]): Map<string, Uint8Array> {
    const format = formats.get(name)
    const bodies = contexts.flatMap((context) => {
      try {
        return render(format, list, context)
      } catch (error) {
        // one attempt that cannot be shown must not hide the others
        log.warn({ err: error, format: name, eventId: list[0]?.id }, 'payload not rendered again')
        return []
      }
    })
    return new Map(bodies.map((body) => [createHash('sha256').update(body).digest('hex'), body]))
  }

  return (format, hash) => {
    if (hash === '') return noBody('no request was made')
    if (!events) return noBody('the event is no longer stored')
    if (!formats.has(format)) return noBody(`the format "${format}" is not installed any more`)
    const bodies = rendered.get(format) ?? renderAll(format, events)
    rendered.set(format, bodies)
    if (bodies.size === 0) return noBody(`the format "${format}" does not render this event any more`)
    const body = bodies.get(hash)
    if (!body) return noBody(`the webhook or the format "${format}" has changed since: it would give other bytes than those that were sent`)
    return textOf(body, secretsIn(contexts[0]?.settings ?? {}))
  }
}

/** Both ways, where there are two: whether a single event goes as a batch follows from a setting that may have changed. */
function render(format: Format, list: Event[], context: RenderContext): Uint8Array[] {
  const [first, ...others] = list
  const alone = first && others.length === 0 ? [format.render(first, context).body] : []
  return format.renderBatch ? [...alone, format.renderBatch(list, context).body] : alone
}

/** Some services want their key in the body, and whoever may read the log need not know it. */
export const secretsIn = (settings: Record<string, unknown>): string[] =>
  Object.entries(settings).flatMap(([name, value]) => (secretName.test(name) && typeof value === 'string' && value !== '' ? [value] : []))

function textOf(bytes: Uint8Array, secrets: string[]): Body {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const text = buffer.toString('utf8')
  const isText = Buffer.from(text).equals(buffer)
  return isText
    ? { body: secrets.reduce((shown, secret) => shown.replaceAll(secret, hidden), text), body_encoding: 'utf8', body_note: null }
    : { body: buffer.toString('base64'), body_encoding: 'base64', body_note: null }
}
