import { createHmac, timingSafeEqual } from 'node:crypto'

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
