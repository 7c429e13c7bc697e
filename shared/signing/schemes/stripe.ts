import { createElementScheme } from '../elements.ts'
import { ageFault } from '../mac.ts'
import type { Scheme } from '../scheme.ts'

/** As Stripe's libraries have it: any `v1` may match, `v0` is ignored, and only the past is held to the tolerance. */
export default {
  name: 'stripe',
  description:
    'Stripe: header `Stripe-Signature` with `t=` and `v1=`, hexadecimal HMAC-SHA256 over timestamp and body, the secret taken as it stands.',
  ...createElementScheme({ scheme: 'stripe', header: 'Stripe-Signature', timestampFault: ageFault }),
} satisfies Scheme
