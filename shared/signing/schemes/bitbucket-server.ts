import { createBodyScheme } from '../body.ts'
import type { Scheme } from '../scheme.ts'

/** The header is the one of GitHub's SHA-1, the signature is SHA-256. */
export default {
  name: 'bitbucket-server',
  description: 'Bitbucket Server: `X-Hub-Signature`, `sha256=` and hexadecimal HMAC-SHA256 over the body.',
  ...createBodyScheme({ scheme: 'bitbucket-server', header: 'X-Hub-Signature', prefix: 'sha256=', encoding: 'hex' }),
} satisfies Scheme
