import { createElementScheme } from '../elements.ts'
import { timestampFault } from '../mac.ts'
import type { Scheme } from '../scheme.ts'

export default {
  name: 'ptolemy',
  description:
    'Ptolemy: header `Ptolemy-Signature` with `t=` and `v1=`, hexadecimal HMAC-SHA256 over timestamp and body, the secret taken as it stands.',
  ...createElementScheme({ scheme: 'ptolemy', header: 'Ptolemy-Signature', timestampFault }),
} satisfies Scheme
