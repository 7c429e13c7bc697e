import { createStandardScheme, symmetric } from '../standard.ts'
import type { Scheme } from '../scheme.ts'

export default {
  name: 'standard-webhooks',
  description:
    'Standard Webhooks 1.0: headers `webhook-id`, `webhook-timestamp` and `webhook-signature`, `v1` HMAC-SHA256 over id, timestamp and body.',
  ...createStandardScheme('standard-webhooks', 'webhook', symmetric),
} satisfies Scheme
