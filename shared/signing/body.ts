import { hmacSha256, signingKeys, verifyOne } from './mac.ts'
import type { Scheme, SignInput, Verdict, VerifyInput } from './scheme.ts'

/** The plainest scheme: one header holds the HMAC-SHA256 of the body, behind a prefix. No time, so no replay window. */
export type BodySignature = { scheme: string; header: string; prefix: string; encoding: 'hex' | 'base64' }

export function createBodyScheme({ scheme, header, prefix, encoding }: BodySignature): Pick<Scheme, 'sign' | 'verify'> {
  const signature = (key: string, body: Uint8Array) => prefix + hmacSha256(key, '', body, encoding)
  return {
    sign({ body, secrets }: SignInput): Record<string, string> {
      return { [header.toLowerCase()]: signature(signingKeys(scheme, secrets)[0], body) }
    },
    verify({ headers, body, secrets }: VerifyInput): Verdict {
      return verifyOne(headers[header.toLowerCase()], header, secrets, (key) => signature(key, body))
    },
  }
}
