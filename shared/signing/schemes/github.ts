import { createBodyScheme } from '../body.ts'
import type { Scheme } from '../scheme.ts'

/** The SHA-1 of the legacy `X-Hub-Signature` is not taken: GitHub always sends both, and this one is the stronger. */
export default {
  name: 'github',
  description: 'GitHub: `X-Hub-Signature-256`, `sha256=` and hexadecimal HMAC-SHA256 over the body.',
  ...createBodyScheme({ scheme: 'github', header: 'X-Hub-Signature-256', prefix: 'sha256=', encoding: 'hex' }),
} satisfies Scheme
