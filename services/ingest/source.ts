import type { EventDraft } from '../../shared/contracts/event.ts'

/**
 * A source adapter: what one kind of catalog sends. One file in `sources/` each. Signatures are verified before it is
 * asked, over the raw bytes, with the scheme that the source is registered with. Pure; refuses with a `Problem` that
 * names the field.
 */
export type ReceivedRequest = {
  /** Names in lower case. */
  headers: Record<string, string | undefined>
  body: Uint8Array
}

export type Limits = { eventBytes: number; eventsPerRequest: number; depth: number }

/** A worked example, used by the contract tests, the docs and the demo. */
export type SourceSample = { title: string; headers: Record<string, string>; body: string }

export type SourceAdapter = {
  name: string
  description: string
  /** Scheme that a source of this kind is verified with unless it is registered with another; null: none. */
  scheme: string | null
  parse(request: ReceivedRequest, limits: Limits): EventDraft[]
  /** What this system expects to read when its event was accepted; our own 202 body where left out. */
  answer?: { status: number; body: unknown }
  samples: SourceSample[]
}
