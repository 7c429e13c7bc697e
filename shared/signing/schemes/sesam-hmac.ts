import { z } from 'zod'
import { hmacSha256, signingKeys, verifyOne } from '../mac.ts'
import { HeaderName } from '../params.ts'
import type { Scheme, SignInput, VerifyInput } from '../scheme.ts'

/** Sesam's usual validation expression as a scheme: `request_headers[header] == b64encode(hmacsha256digest(secret, body))`. */
const Params = z.strictObject({
  header: HeaderName.describe('Header that holds the signature, for example `X-Superoffice-Signature`.'),
})

const signature = (key: string, body: Uint8Array) => hmacSha256(key, '', body, 'base64')

export default {
  name: 'sesam-hmac',
  description: 'Sesam: base64 of HMAC-SHA256 over the body, in the header that is set.',
  params: Params,
  sign: ({ body, secrets, params }: SignInput) => ({
    [Params.parse(params ?? {}).header]: signature(signingKeys('sesam-hmac', secrets)[0], body),
  }),
  verify({ headers, body, secrets, params }: VerifyInput) {
    const { header } = Params.parse(params ?? {})
    return verifyOne(headers[header], header, secrets, (key) => signature(key, body))
  },
} satisfies Scheme
