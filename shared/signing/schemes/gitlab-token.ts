import { signingKeys, verifyOne } from '../mac.ts'
import type { Scheme, SignInput, VerifyInput } from '../scheme.ts'

/** GitLab's secret token: sent as it is, so it proves who calls and nothing about the body. */
const header = 'x-gitlab-token'

export default {
  name: 'gitlab-token',
  description: 'GitLab with a secret token: `X-Gitlab-Token` is the secret itself.',
  sign: ({ secrets }: SignInput) => ({ [header]: signingKeys('gitlab-token', secrets)[0] }),
  verify: ({ headers, secrets }: VerifyInput) => verifyOne(headers[header], 'X-Gitlab-Token', secrets, (secret) => secret),
} satisfies Scheme
