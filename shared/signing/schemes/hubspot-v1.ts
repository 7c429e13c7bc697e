import { createHash } from 'node:crypto'
import { refused, signingKeys, verifyOne } from '../mac.ts'
import type { Scheme, SignInput, Verdict, VerifyInput } from '../scheme.ts'

/**
 * HubSpot v1: plain SHA-256 over client secret and body, not an HMAC. HubSpot sends it beside v3; a source chooses one
 * of the two, because whoever replays a request would leave out the headers of the stronger.
 */
const signature = (secret: string, body: Uint8Array) => createHash('sha256').update(secret).update(body).digest('hex')

function sign({ body, secrets }: SignInput): Record<string, string> {
  const [secret] = signingKeys('hubspot-v1', secrets)
  return { 'x-hubspot-signature': signature(secret, body), 'x-hubspot-signature-version': 'v1' }
}

function verify({ headers, body, secrets }: VerifyInput): Verdict {
  if (headers['x-hubspot-signature-version'] !== 'v1') return refused('X-HubSpot-Signature-Version is not v1')
  return verifyOne(headers['x-hubspot-signature'], 'X-HubSpot-Signature', secrets, (secret) => signature(secret, body))
}

export default {
  name: 'hubspot-v1',
  description: 'HubSpot v1: `X-HubSpot-Signature`, hexadecimal SHA-256 over client secret and body. No time limit; prefer v3.',
  sign,
  verify,
} satisfies Scheme
