import type { z } from 'zod'
import type { Event } from '../contracts/event.ts'
import type { Recipient } from '../recipients.ts'

/**
 * A format: a named way to render an event as the payload of a request. One file in `formats/` each. Pure and
 * deterministic: the delivery log shows what was sent by rendering it again, so the same event must always give the
 * same bytes.
 */
export type Payload = {
  contentType: string
  /** More headers that the format demands, for example `ce-id`; names in lower case. */
  headers?: Record<string, string>
  body: Uint8Array
}

/** How a format is set up for one webhook, where it can be. Each format has its own schema. */
export type FormatSettings = Record<string, unknown>

/** What a format may know of the webhook that it renders for. */
export type RenderContext = {
  webhook: { id: string; label: string | null }
  /** Parsed with the format's own `settings`. */
  settings: FormatSettings
  /** Signing secrets in force, newest first, for formats that sign within the body. */
  secrets: string[]
  /** Of each event, by its id, who is to be told; left out for a webhook that tells nobody beside itself. */
  recipients?: ReadonlyMap<string, Recipient[]>
}

/** What a receiver answered, for formats of services that do not say it by the status code alone. */
export type Answer = { statusCode: number; body: string }
export type Judgement = {
  outcome: 'succeeded' | 'rejected'
  /** Repeating cannot help: the delivery fails at once. */
  permanent?: boolean
  reason?: string
}

export type Format = {
  name: string
  description: string
  /** What can be set for one webhook; left out where nothing can. May hold secrets: it is stored sealed. */
  settings?: z.ZodType<FormatSettings>
  render(event: Event, context: RenderContext): Payload
  /** The payload depends on the webhook; otherwise it is rendered once for each event, however many webhooks get it. */
  perWebhook?: true
  /** Several events in one request, for a webhook that asks for batches. Left out where the form has no batch. */
  renderBatch?(events: Event[], context: RenderContext): Payload
  /** Left out: 2xx is success, anything else is not. */
  judge?(answer: Answer): Judgement
}
