import { z } from 'zod'
import { signingKeys, verifyOne } from '../mac.ts'
import { HeaderName } from '../params.ts'
import type { Scheme, SignInput, VerifyInput } from '../scheme.ts'

/** Sesam, plain token equality, as the Tripletex connector has it. */
const Params = z.strictObject({
  header: HeaderName.default('x-sesam-authorization').describe('Header that holds the token, for example `X-Sesam-Authorization`.'),
})

export default {
  name: 'sesam-token',
  description: 'Sesam: a header, `X-Sesam-Authorization` unless another is set, is the secret itself.',
  params: Params,
  sign: ({ secrets, params }: SignInput) => ({ [Params.parse(params ?? {}).header]: signingKeys('sesam-token', secrets)[0] }),
  verify({ headers, secrets, params }: VerifyInput) {
    const { header } = Params.parse(params ?? {})
    return verifyOne(headers[header], header, secrets, (secret) => secret)
  },
} satisfies Scheme
