import { hmacSha256, refusedTime, signingKeys, timestampFault, verifyOne } from '../mac.ts'
import type { Scheme, SignInput, Verdict, VerifyInput } from '../scheme.ts'

/**
 * Foundry: bare hexadecimal HMAC-SHA256 over `timestamp.body`. The secret is the key as it stands, `whsec_` included.
 * The signature is looked at first and then the time, because the two refusals are answered with different texts.
 */
const [signatureHeader, timestampHeader] = ['x-foundry-signature', 'x-foundry-timestamp']

function sign({ now, body, secrets }: SignInput): Record<string, string> {
  const timestamp = String(Math.floor(now / 1000))
  const [key] = signingKeys('foundry', secrets)
  return { [signatureHeader]: hmacSha256(key, `${timestamp}.`, body, 'hex'), [timestampHeader]: timestamp }
}

function verify({ headers, body, secrets, now, toleranceSeconds }: VerifyInput): Verdict {
  const timestamp = headers[timestampHeader] ?? ''
  const verdict = verifyOne(headers[signatureHeader], 'X-Foundry-Signature', secrets, (key) =>
    hmacSha256(key, `${timestamp}.`, body, 'hex'),
  )
  if (!verdict.valid) return verdict
  const fault = timestampFault(timestamp, now, toleranceSeconds)
  return fault ? refusedTime(fault) : verdict
}

export default {
  name: 'foundry',
  description:
    'Foundry: `X-Foundry-Signature`, hexadecimal HMAC-SHA256 over `X-Foundry-Timestamp` and body, the secret taken as it stands.',
  sign,
  verify,
} satisfies Scheme
