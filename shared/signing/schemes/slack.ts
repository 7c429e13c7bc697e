import { hmacSha256, refused, refusedTime, signingKeys, timestampFault, verifyOne } from '../mac.ts'
import type { Scheme, SignInput, Verdict, VerifyInput } from '../scheme.ts'

/** Slack, "Verifying requests from Slack": `v0=` and hexadecimal HMAC-SHA256 over `v0:timestamp:body`. */
const [signatureHeader, timestampHeader] = ['x-slack-signature', 'x-slack-request-timestamp']

const signature = (key: string, timestamp: string, body: Uint8Array) => `v0=${hmacSha256(key, `v0:${timestamp}:`, body, 'hex')}`

function sign({ now, body, secrets }: SignInput): Record<string, string> {
  const timestamp = String(Math.floor(now / 1000))
  const [key] = signingKeys('slack', secrets)
  return { [signatureHeader]: signature(key, timestamp, body), [timestampHeader]: timestamp }
}

function verify({ headers, body, secrets, now, toleranceSeconds }: VerifyInput): Verdict {
  const timestamp = headers[timestampHeader]
  if (!timestamp) return refused('X-Slack-Request-Timestamp is missing')
  const fault = timestampFault(timestamp, now, toleranceSeconds)
  if (fault) return refusedTime(fault)
  return verifyOne(headers[signatureHeader], 'X-Slack-Signature', secrets, (key) => signature(key, timestamp, body))
}

export default {
  name: 'slack',
  description: 'Slack: `X-Slack-Signature`, `v0=` and hexadecimal HMAC-SHA256 over version, `X-Slack-Request-Timestamp` and body.',
  sign,
  verify,
} satisfies Scheme
