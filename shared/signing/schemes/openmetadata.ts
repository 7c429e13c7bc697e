import { createBodyScheme } from '../body.ts'
import type { Scheme, VerifyInput } from '../scheme.ts'
import real from './openmetadata-real.ts'

/**
 * OpenMetadata as it is documented: `sha256=` and hexadecimal in `X-OpenMetadata-Signature`, which is what is sent. What
 * the product sends, base64 in `X-OM-Signature`, is accepted as well, so a source need not know which of the two calls.
 * A webhook of OpenMetadata may have no key at all: then nothing is signed.
 */
const documented = createBodyScheme({ scheme: 'openmetadata', header: 'X-OpenMetadata-Signature', prefix: 'sha256=', encoding: 'hex' })

function verify(input: VerifyInput) {
  const verdict = documented.verify(input)
  return verdict.valid || !input.headers['x-om-signature'] ? verdict : real.verify(input)
}

export default {
  name: 'openmetadata',
  description:
    'OpenMetadata: `X-OpenMetadata-Signature`, `sha256=` and hexadecimal HMAC-SHA256 over the body; accepts `X-OM-Signature` in base64 too.',
  sign: (input) => (input.secrets.length === 0 ? {} : documented.sign(input)),
  verify,
} satisfies Scheme
