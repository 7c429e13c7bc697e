import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Verdict } from './scheme.ts'

/**
 * HMAC-SHA256 over `prefix` and then the body, as text. Two updates and not one joined buffer: a body may be large,
 * and every attempt of every delivery comes through here.
 */
export const hmacSha256 = (key: string | Uint8Array, prefix: string, body: Uint8Array, encoding: 'hex' | 'base64'): string =>
  createHmac('sha256', key).update(prefix).update(body).digest(encoding)

/**
 * Compares signatures in constant time, as text: two spellings that decode to the same bytes (base64 with other
 * padding bits, hex in capitals) are two signatures, and only the one that a correct sender writes is right.
 */
export function equalText(left: string, right: string): boolean {
  const a = Buffer.from(left)
  const b = Buffer.from(right)
  return a.length === b.length && timingSafeEqual(a, b)
}

/** What is wrong with a signed Unix time in seconds, if anything. A difference of exactly the tolerance passes. */
export function timestampFault(text: string, now: number, toleranceSeconds: number): string | undefined {
  if (!/^\d{1,12}$/.test(text)) return 'the timestamp is not a Unix time in seconds'
  const age = Math.floor(now / 1000) - Number(text)
  if (age > toleranceSeconds) return `the timestamp is ${age} s old, more than the ${toleranceSeconds} s allowed`
  if (-age > toleranceSeconds) return `the timestamp is ${-age} s in the future, more than the ${toleranceSeconds} s allowed`
  return undefined
}

/** The same where the sender's own libraries refuse only what is too old (Stripe). */
export function ageFault(text: string, now: number, toleranceSeconds: number): string | undefined {
  return Number(text) * 1000 > now && /^\d{1,12}$/.test(text) ? undefined : timestampFault(text, now, toleranceSeconds)
}

// an HMAC with an empty key can be computed by anyone
export const usable = (secrets: string[]): string[] => secrets.filter((secret) => secret !== '')

/** Keys to sign with, newest first. A delivery that cannot be signed is a fault of its set-up, and not sent. */
export function signingKeys(scheme: string, secrets: string[]): [string, ...string[]] {
  const [first, ...others] = usable(secrets)
  if (first === undefined) throw new Error(`${scheme}: no secret to sign with`)
  return [first, ...others]
}

export const refused = (reason: string): Verdict => ({ valid: false, reason, kind: 'signature' })
export const refusedTime = (reason: string): Verdict => ({ valid: false, reason, kind: 'timestamp' })

/**
 * What most schemes come to: one header holds one signature, which must be that of one of the secrets. Every secret is
 * tried, so that the time taken does not tell which of them it was.
 */
export function verifyOne(given: string | undefined, header: string, secrets: string[], expect: (secret: string) => string): Verdict {
  if (!given) return refused(`${header} is missing`)
  const keys = usable(secrets)
  if (keys.length === 0) return refused('there is no secret to verify with')
  const matches = keys.map((key) => equalText(given, expect(key)))
  return matches.includes(true) ? { valid: true } : refused(`${header} does not match`)
}
