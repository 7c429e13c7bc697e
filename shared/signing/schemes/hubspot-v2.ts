import { createHash } from 'node:crypto'
import { refused, signingKeys, verifyOne } from '../mac.ts'
import type { Scheme, SignInput, Verdict, VerifyInput } from '../scheme.ts'

/** HubSpot v2: plain SHA-256 over client secret, method, public URL and body. */
type Signed = { method?: string; url?: string; body: Uint8Array }

const signature = (secret: string, { method = '', url = '', body }: Signed) =>
  createHash('sha256').update(`${secret}${method}${url}`).update(body).digest('hex')

function sign(input: SignInput): Record<string, string> {
  if (!input.method || !input.url) throw new Error('hubspot-v2: method and URL are signed, and one of them is missing')
  const [secret] = signingKeys('hubspot-v2', input.secrets)
  return { 'x-hubspot-signature': signature(secret, input), 'x-hubspot-signature-version': 'v2' }
}

function verify(input: VerifyInput): Verdict {
  const { headers, secrets, method, url } = input
  if (headers['x-hubspot-signature-version'] !== 'v2') return refused('X-HubSpot-Signature-Version is not v2')
  if (!method || !url) return refused('method and URL are signed, and one of them is not known')
  return verifyOne(headers['x-hubspot-signature'], 'X-HubSpot-Signature', secrets, (secret) => signature(secret, input))
}

export default {
  name: 'hubspot-v2',
  description: 'HubSpot v2: `X-HubSpot-Signature`, hexadecimal SHA-256 over client secret, method, public URL and body.',
  sign,
  verify,
} satisfies Scheme
