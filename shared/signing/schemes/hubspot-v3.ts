import { createHmac } from 'node:crypto'
import { refused, refusedTime, signingKeys, verifyOne } from '../mac.ts'
import type { Scheme, SignInput, Verdict, VerifyInput } from '../scheme.ts'

/**
 * HubSpot v3: base64 of HMAC-SHA256 over method, public URL, body and timestamp. The time is in milliseconds, and only
 * the past is held to the tolerance. HubSpot signs the URL with some escapes undone and all others left as they are.
 */
const [signatureHeader, timestampHeader] = ['x-hubspot-signature-v3', 'x-hubspot-request-timestamp']

// HubSpot, "Validating requests": exactly these, in either case of the digits, in one pass
const decoded: Record<string, string> = {
  '3A': ':',
  '2F': '/',
  '3F': '?',
  '40': '@',
  '21': '!',
  '24': '$',
  '27': "'",
  '28': '(',
  '29': ')',
  '2A': '*',
  '2C': ',',
  '3B': ';',
}
const decodeUrl = (url: string): string =>
  url.replace(/%([0-9A-Fa-f]{2})/g, (escape, digits: string) => decoded[digits.toUpperCase()] ?? escape)

type Signed = { method?: string; url?: string; body: Uint8Array }

const signature = (key: string, timestamp: string, { method = '', url = '', body }: Signed) =>
  createHmac('sha256', key)
    .update(method + decodeUrl(url))
    .update(body)
    .update(timestamp)
    .digest('base64')

function sign(input: SignInput): Record<string, string> {
  if (!input.method || !input.url) throw new Error('hubspot-v3: method and URL are signed, and one of them is missing')
  const timestamp = String(Math.floor(input.now))
  const [key] = signingKeys('hubspot-v3', input.secrets)
  return { [signatureHeader]: signature(key, timestamp, input), [timestampHeader]: timestamp }
}

function verify(input: VerifyInput): Verdict {
  const { headers, secrets, now, toleranceSeconds, method, url } = input
  const timestamp = headers[timestampHeader]
  if (!timestamp) return refused('X-HubSpot-Request-Timestamp is missing')
  if (!/^\d{1,15}$/.test(timestamp)) return refusedTime('the timestamp is not a Unix time in milliseconds')
  const age = now - Number(timestamp)
  if (age > toleranceSeconds * 1000) return refusedTime(`the timestamp is ${age} ms old, more than the ${toleranceSeconds} s allowed`)
  if (!method || !url) return refused('method and URL are signed, and one of them is not known')
  return verifyOne(headers[signatureHeader], 'X-HubSpot-Signature-v3', secrets, (key) => signature(key, timestamp, input))
}

export default {
  name: 'hubspot-v3',
  description:
    'HubSpot v3: `X-HubSpot-Signature-v3`, base64 of HMAC-SHA256 over method, public URL, body and `X-HubSpot-Request-Timestamp`.',
  sign,
  verify,
} satisfies Scheme
