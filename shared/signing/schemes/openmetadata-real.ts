import { createBodyScheme } from '../body.ts'
import type { Scheme } from '../scheme.ts'

/** For receivers written against the product and not against its documentation, which is `openmetadata`. */
export default {
  name: 'openmetadata-real',
  description: 'OpenMetadata as the product signs: `X-OM-Signature`, `sha256=` and base64 of HMAC-SHA256 over the body.',
  ...createBodyScheme({ scheme: 'openmetadata-real', header: 'X-OM-Signature', prefix: 'sha256=', encoding: 'base64' }),
} satisfies Scheme
