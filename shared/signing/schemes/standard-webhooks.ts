import { equalText, hmacSha256, timestampFault } from '../mac.ts'
import type { Scheme, SignInput, Verdict, VerifyInput } from '../scheme.ts'

/**
 * Standard Webhooks 1.0, symmetric signatures: `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`. The key is
 * the base64-decoded part after `whsec_`; decoding 32 bytes costs less than a cache of secrets would.
 */
const keyOf = (secret: string): Buffer => Buffer.from(secret.startsWith('whsec_') ? secret.slice(6) : secret, 'base64')

// an HMAC with an empty key can be computed by anyone
const keysOf = (secrets: string[]): Buffer[] => secrets.map(keyOf).filter((key) => key.length > 0)

function sign({ id, now, body, secrets }: SignInput): Record<string, string> {
  const keys = keysOf(secrets)
  if (keys.length === 0) throw new Error('standard-webhooks: no secret to sign with')
  const timestamp = String(Math.floor(now / 1000))
  const prefix = `${id}.${timestamp}.`
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': keys.map((key) => `v1,${hmacSha256(key, prefix, body, 'base64')}`).join(' '),
  }
}

function verify({ headers, body, secrets, now, toleranceSeconds }: VerifyInput): Verdict {
  const id = headers['webhook-id']
  const timestamp = headers['webhook-timestamp']
  const signature = headers['webhook-signature']
  if (!id || !timestamp || !signature) return { valid: false, reason: 'webhook-id, webhook-timestamp or webhook-signature is missing' }
  // the parts are joined by full stops, so an id that swallowed the start of a JSON body would verify with the rest
  if (/[\s"[\]{}]/.test(id)) return { valid: false, reason: 'webhook-id holds characters that no id has' }
  const fault = timestampFault(timestamp, now, toleranceSeconds)
  if (fault) return { valid: false, reason: fault }
  const keys = keysOf(secrets)
  if (keys.length === 0) return { valid: false, reason: 'there is no secret to verify with' }
  const prefix = `${id}.${timestamp}.`
  const expected = keys.map((key) => `v1,${hmacSha256(key, prefix, body, 'base64')}`)
  const matches = signature.split(' ').some((given) => expected.some((right) => equalText(given, right)))
  return matches ? { valid: true } : { valid: false, reason: 'no v1 signature matches' }
}

export default {
  name: 'standard-webhooks',
  description:
    'Standard Webhooks 1.0: headers `webhook-id`, `webhook-timestamp` and `webhook-signature`, `v1` HMAC-SHA256 over id, timestamp and body.',
  sign,
  verify,
} satisfies Scheme
