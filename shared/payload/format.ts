import type { Event } from '../contracts/event.ts'

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

export type Format = {
  name: string
  description: string
  render(event: Event): Payload
}
