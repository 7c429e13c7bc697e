import type { z } from 'zod'

/**
 * A signature scheme: a named way to sign what we send and to verify what we receive. One file in `schemes/` each.
 * Pure: time comes in, nothing is fetched, nothing is thrown for a bad signature.
 */
export type SignInput = {
  /** Identity of the event; the same on every attempt. */
  id: string
  /** Time of this attempt, milliseconds. */
  now: number
  /** The exact bytes of the body. */
  body: Uint8Array
  /** Valid secrets, newest first; two while rotating. */
  secrets: string[]
  /** As in `VerifyInput`. */
  method?: string
  url?: string
  params?: SchemeParams
}

/** How a scheme is set up for one source, where it can be: header names, encodings. Each scheme has its own schema. */
export type SchemeParams = Record<string, unknown>

export type VerifyInput = {
  /** Request headers, names in lower case. */
  headers: Record<string, string | undefined>
  body: Uint8Array
  /** Any of these may have signed. An empty secret never verifies. */
  secrets: string[]
  now: number
  /** As the sender saw it, for schemes that sign it (HubSpot). */
  method?: string
  /** The full public URL as the sender saw it, query included. */
  url?: string
  /** Parsed with the scheme's own `params`. */
  params?: SchemeParams
  /** Largest difference between the signed timestamp and `now`, either way. */
  toleranceSeconds: number
}

/**
 * Why it does not verify, in words for the log; never says what the right signature would have been. `kind` is for
 * senders that expect two answers (Foundry): `timestamp` where the time the request carries is what is wrong.
 */
export type Verdict = { valid: true } | { valid: false; reason: string; kind: 'signature' | 'timestamp' }

export type Scheme = {
  name: string
  description: string
  /**
   * What can be set for one source; left out where nothing can. Must take its own output, because what is stored is
   * read with it again. A scheme that refuses `{}` cannot be chosen without params.
   */
  params?: z.ZodType<SchemeParams>
  /** Signs nothing and verifies nothing: for receivers that look at no signature, and for no source. */
  unsigned?: true
  /** Headers to send, names in lower case. Throws when none of the secrets can be a key of this scheme. */
  sign(input: SignInput): Record<string, string>
  verify(input: VerifyInput): Verdict
}
