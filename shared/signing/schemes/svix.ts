import { createStandardScheme, symmetric } from '../standard.ts'
import type { Scheme } from '../scheme.ts'

export default {
  name: 'svix',
  description: 'Svix: Standard Webhooks under the header names `svix-id`, `svix-timestamp` and `svix-signature`.',
  ...createStandardScheme('svix', 'svix', symmetric),
} satisfies Scheme
