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
}

export type VerifyInput = {
  /** Request headers, names in lower case. */
  headers: Record<string, string | undefined>
  body: Uint8Array
  /** Any of these may have signed. An empty secret never verifies. */
  secrets: string[]
  now: number
  /** Largest difference between the signed timestamp and `now`, either way. */
  toleranceSeconds: number
}

/** Why it does not verify, in words for the log; never says what the right signature would have been. */
export type Verdict = { valid: true } | { valid: false; reason: string }

export type Scheme = {
  name: string
  description: string
  /** Headers to send, names in lower case. */
  sign(input: SignInput): Record<string, string>
  verify(input: VerifyInput): Verdict
}
