import type { Scheme } from '../scheme.ts'

/**
 * Opteryx signs nothing, and its receivers look for nothing. So nothing is sent, and nothing that comes in is ever taken
 * for proven: what guards a receiver is a token in the path, or an allow-list.
 */
export default {
  name: 'opteryx',
  description: 'Opteryx: no signature at all. For webhooks whose receiver looks at none; a source cannot have it.',
  unsigned: true,
  sign: () => ({}),
  verify: () => ({ valid: false, reason: 'Opteryx signs nothing, so there is nothing to verify', kind: 'signature' }),
} satisfies Scheme
