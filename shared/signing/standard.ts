import { equalText, hmacSha256, refused, refusedTime, timestampFault } from './mac.ts'
import type { Scheme, SignInput, Verdict, VerifyInput } from './scheme.ts'

/**
 * Standard Webhooks 1.0: three headers, and a signature over `id.timestamp.body`. What differs between those who
 * follow it is the prefix of the header names (`webhook-`, `svix-`) and the kind of signature (`v1` symmetric, `v1a`
 * Ed25519).
 */
export type Signatures = {
  /** `v1` or `v1a`; elements of other versions are passed over. */
  version: string
  /** One signature in base64 for each secret that is a key to sign with. */
  sign(secrets: string[], prefix: string, body: Uint8Array): string[]
  /** What tells whether a signature in base64 is right, one for each secret that is a key to verify with. */
  checks(secrets: string[], prefix: string, body: Uint8Array): ((signature: string) => boolean)[]
}

/**
 * The key is the base64-decoded part after `whsec_`, with or without that prefix; decoding 32 bytes costs less than a
 * cache of secrets would.
 */
const keyOf = (secret: string): Buffer => Buffer.from(secret.startsWith('whsec_') ? secret.slice(6) : secret, 'base64')

// an HMAC with an empty key can be computed by anyone
const keysOf = (secrets: string[]): Buffer[] => secrets.map(keyOf).filter((key) => key.length > 0)

export const symmetric: Signatures = {
  version: 'v1',
  sign: (secrets, prefix, body) => keysOf(secrets).map((key) => hmacSha256(key, prefix, body, 'base64')),
  checks: (secrets, prefix, body) =>
    keysOf(secrets).map((key) => {
      const expected = hmacSha256(key, prefix, body, 'base64')
      return (signature) => equalText(signature, expected)
    }),
}

type HeaderPrefix = 'webhook' | 'svix'

export function createStandardScheme(
  name: string,
  headerPrefix: HeaderPrefix,
  { version, sign, checks }: Signatures,
): Pick<Scheme, 'sign' | 'verify'> {
  const names = { id: `${headerPrefix}-id`, timestamp: `${headerPrefix}-timestamp`, signature: `${headerPrefix}-signature` }
  return {
    sign({ id, now, body, secrets }: SignInput): Record<string, string> {
      const timestamp = String(Math.floor(now / 1000))
      const signatures = sign(secrets, `${id}.${timestamp}.`, body)
      if (signatures.length === 0) throw new Error(`${name}: no secret to sign with`)
      return {
        [names.id]: id,
        [names.timestamp]: timestamp,
        [names.signature]: signatures.map((signature) => `${version},${signature}`).join(' '),
      }
    },
    verify({ headers, body, secrets, now, toleranceSeconds }: VerifyInput): Verdict {
      const [id, timestamp, list] = [headers[names.id], headers[names.timestamp], headers[names.signature]]
      if (!id || !timestamp || !list) return refused(`${names.id}, ${names.timestamp} or ${names.signature} is missing`)
      // the parts are joined by full stops, so an id that swallowed the start of a JSON body would verify with the rest
      if (/[\s"[\]{}]/.test(id)) return refused(`${names.id} holds characters that no id has`)
      const fault = timestampFault(timestamp, now, toleranceSeconds)
      if (fault) return refusedTime(fault)
      const right = checks(secrets, `${id}.${timestamp}.`, body)
      if (right.length === 0) return refused('there is no secret to verify with')
      const given = list.split(' ').filter((element) => element.startsWith(`${version},`))
      const matches = given.some((element) => right.some((check) => check(element.slice(version.length + 1))))
      return matches ? { valid: true } : refused(`no ${version} signature matches`)
    },
  }
}
