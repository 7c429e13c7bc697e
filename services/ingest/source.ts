import type { z } from 'zod'
import type { EventDraft } from '../../shared/contracts/event.ts'
import type { ProblemCode } from '../../shared/problem.ts'
import type { Verdict } from '../../shared/signing/scheme.ts'

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

/** The same, with what says whose it is. */
export type SourceRequest = ReceivedRequest & {
  method: string
  /** As the sender saw it: the public URL, query included. */
  url: string
  /** Of Tidings, where the request shows one. */
  apiKey: string | undefined
  remoteAddress: string | undefined
}

export type Limits = { eventBytes: number; eventsPerRequest: number; depth: number }

/** What is set for one source of an adapter; each adapter that can be set up has its own schema. */
export type SourceSettings = Record<string, unknown>

/** What is sent back: a string as text/plain, anything else as JSON. */
export type Answer = { status: number; headers?: Record<string, string>; body: unknown }

/** Why a request is not taken: the problem it would be answered with, and what was wrong where it is the signature. */
export type Refusal = { code: ProblemCode; reason: string; kind?: Extract<Verdict, { valid: false }>['kind'] }

export type SourceAnswers = {
  /** When all events of the request are on disk. */
  accepted: Answer
  /** When the request is refused; undefined, or left out: the problem as everywhere else. */
  refused?(refusal: Refusal): Answer | undefined
}

/** A worked example, used by the contract tests, the docs and the demo. `settings` as a source is registered with them. */
export type SourceSample = { title: string; headers: Record<string, string>; body: string; settings?: SourceSettings }

export type SourceAdapter = {
  name: string
  description: string
  /** Scheme that a source of this kind is verified with unless it is registered with another; null: none. */
  scheme: string | null
  /**
   * What can be set for one source, checked when it is registered; left out where nothing can. Must take its own
   * output. An adapter that refuses `{}` cannot be chosen without settings.
   */
  settings?: z.ZodType<SourceSettings>
  /** `settings` are the output of the schema above. No drafts: the request was in order and holds no event. */
  parse(request: ReceivedRequest, limits: Limits, settings?: SourceSettings): EventDraft[]
  /**
   * Paths that this system insists on, beside `/sources/{source}/events`, in the router's form. `:token` is a secret
   * in the path that says whose request it is; any other parameter is the name of the source.
   */
  paths?: string[]
  /**
   * What makes two events with one id the same. `bytes`: the same body, another one is refused with 409, so that a
   * producer that knows us learns of its mistake; so where this is left out. `id`: the id alone, for systems that
   * repeat an event with other bytes (a count of attempts in it) or could do nothing about a 409. `content`: the id
   * alone, and it is made of the content, so that after another version the same one is news again.
   */
  identity?: 'bytes' | 'id' | 'content'
  /**
   * Of a system whose events are entities, each whole: what they are. They are kept in the collect view, and one that
   * says nothing new becomes no event.
   */
  entityType?(settings: SourceSettings | undefined): string
  /** What this system expects to read; our own 202 body and problems where left out. */
  answer?: SourceAnswers
  /**
   * Asked after the signature and before `parse`: the answer to a request that is no event but asks whether we are
   * there. Undefined: it is none of these. Never throws, whatever the body is.
   */
  handshake?(request: ReceivedRequest): Answer | undefined
  samples: SourceSample[]
}
