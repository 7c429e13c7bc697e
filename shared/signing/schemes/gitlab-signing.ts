import { createStandardScheme, symmetric } from '../standard.ts'
import type { Scheme } from '../scheme.ts'

/** Named for who looks for it: GitLab's own headers (`X-Gitlab-Event`, `Idempotency-Key`) are not signed. */
export default {
  name: 'gitlab-signing',
  description: 'GitLab 19.0 and newer with a signing token: the headers and signatures of Standard Webhooks.',
  ...createStandardScheme('gitlab-signing', 'webhook', symmetric),
} satisfies Scheme
