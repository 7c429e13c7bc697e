import { equalText, hmacSha256, timestampFault } from '../mac.ts'
import type { Scheme, SignInput, Verdict, VerifyInput } from '../scheme.ts'

/**
 * Ptolemy's `Ptolemy-Signature: t=<unix seconds>,v1=<hex>`: HMAC-SHA256 over `t.body`. The secret is the key as it
 * stands, `whsec_` included: nothing is decoded, unlike in Standard Webhooks, whose secrets look the same.
 */
const header = 'ptolemy-signature'

// an HMAC with an empty key can be computed by anyone
const usable = (secrets: string[]): string[] => secrets.filter((secret) => secret !== '')

function sign({ now, body, secrets }: SignInput): Record<string, string> {
  const keys = usable(secrets)
  if (keys.length === 0) throw new Error('ptolemy: no secret to sign with')
  const timestamp = String(Math.floor(now / 1000))
  const signatures = keys.map((key) => `v1=${hmacSha256(key, `${timestamp}.`, body, 'hex')}`)
  return { [header]: [`t=${timestamp}`, ...signatures].join(',') }
}

/** Elements in any order; those we do not know are for later versions and are ignored. */
function readElements(value: string): { times: string[]; signatures: string[] } {
  const elements = value.split(',')
  const valuesOf = (key: string) => elements.filter((element) => element.startsWith(key)).map((element) => element.slice(key.length))
  return { times: valuesOf('t='), signatures: valuesOf('v1=') }
}

function verify({ headers, body, secrets, now, toleranceSeconds }: VerifyInput): Verdict {
  const value = headers[header]
  if (!value) return { valid: false, reason: 'Ptolemy-Signature is missing' }
  const { times, signatures } = readElements(value)
  const [timestamp] = times
  if (timestamp === undefined || times.length > 1) return { valid: false, reason: 'Ptolemy-Signature must have one t element' }
  if (signatures.length === 0) return { valid: false, reason: 'Ptolemy-Signature has no v1 element' }
  const fault = timestampFault(timestamp, now, toleranceSeconds)
  if (fault) return { valid: false, reason: fault }
  const keys = usable(secrets)
  if (keys.length === 0) return { valid: false, reason: 'there is no secret to verify with' }
  const expected = keys.map((key) => hmacSha256(key, `${timestamp}.`, body, 'hex'))
  const matches = signatures.some((given) => expected.some((right) => equalText(given, right)))
  return matches ? { valid: true } : { valid: false, reason: 'no v1 element matches' }
}

export default {
  name: 'ptolemy',
  description:
    'Ptolemy: header `Ptolemy-Signature` with `t=` and `v1=`, hexadecimal HMAC-SHA256 over timestamp and body, the secret taken as it stands.',
  sign,
  verify,
} satisfies Scheme
