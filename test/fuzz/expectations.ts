import type { SendResult } from '../../shared/contracts/delivery.ts'
import type { misidentified, uncivil } from '../support/hostile-tls.ts'
import type { hostile } from '../support/hostile.ts'

/** `unresolvable`: names that lead nowhere, each in a way of its own. */
export type Name =
  | keyof typeof hostile
  | keyof typeof misidentified
  | keyof typeof uncivil
  | 'isNotThere'
  | 'resetsAtOnce'
  | keyof typeof unresolvable

export const unresolvable = {
  hasNoName: { host: 'unknown.example', code: 'ENOTFOUND' },
  hasNoNameServer: { host: 'servfail.example', code: 'EAI_AGAIN' },
  hasASilentNameServer: { host: 'silent.example', code: undefined },
} as const

export type Expected = {
  outcome: SendResult['outcome']
  state: 'succeeded' | 'retrying' | 'cancelled'
  statusCode?: number
  /** What the log says of it. */
  error?: string
  /** Until the next attempt, where the receiver is listened to. */
  delayMs?: number
  /** Fewer at once, where each takes tens of milliseconds of the processor. */
  together?: number
}
const succeeds = (statusCode = 200): Expected => ({ outcome: 'succeeded', state: 'succeeded', statusCode })
const refuses = (statusCode: number, delayMs?: number): Expected => ({
  outcome: 'rejected',
  state: 'retrying',
  statusCode,
  ...(delayMs !== undefined && { delayMs }),
})
const fails = (error: string): Expected => ({ outcome: 'unreachable', state: 'retrying', error })
const times: Expected = { outcome: 'timed_out', state: 'retrying', error: 'no answer within' }

/** What each hostile receiver is to be taken for, and what is to follow. */
export const expectations: Record<Name, Expected> = {
  silent: times,
  dripsHeaders: times,
  interimForEver: times,
  floodsInterim: fails('1000 interim answers (1xx) and no other'),
  continueForEver: fails('what came is no answer to the request'),
  dripsBody: succeeds(),
  dripsErrorBody: refuses(500),
  floods: succeeds(),
  sendsBomb: succeeds(),
  cutsBodyShort: succeeds(),
  cutsErrorBodyShort: refuses(503),
  claimsTooMuch: fails('the answer has another length than it says'),
  closes: fails('connection closed before an answer'),
  resets: fails('connection reset'),
  talksSsh: fails('the answer is not HTTP'),
  bloatsHeaders: fails('the answer has too many header bytes'),
  contradictsItself: fails('the answer has another length than it says'),
  answersTwice: succeeds(),
  speaksHttp09: fails('the answer is not HTTP'),
  talksGarbage: fails('the answer is not HTTP'),
  floodsHeaders: fails('the answer has too many header bytes'),
  answersAndLeaves: succeeds(204),
  redirects: refuses(302),
  redirectsToItself: refuses(307),
  upgrades: fails('the receiver wants to change the protocol'),
  creates: succeeds(201),
  finds400: refuses(400),
  finds401: refuses(401),
  finds404: refuses(404),
  finds422: refuses(422),
  breaksDown: refuses(500),
  isGone: { outcome: 'rejected', state: 'cancelled', statusCode: 410 },
  // what is no Retry-After delays nothing
  asksForPatience: refuses(429),
  asksForSeconds: refuses(429, 5_000),
  asksForADate: refuses(503, 7_000),
  asksForDecades: refuses(503, 86_400_000),
  asksForThePast: refuses(429),
  bloatsChunks: succeeds(),
  floodsTrailers: succeeds(),
  breaksChunks: succeeds(),
  resetsAtOnce: fails('connection reset'),
  isNotThere: fails('connection refused'),
  hasNoName: fails('host name not found'),
  hasNoNameServer: fails('host name could not be resolved for now'),
  hasASilentNameServer: times,
  hasExpired: fails('the TLS certificate has expired'),
  isNotValidYet: fails('the TLS certificate is not valid yet'),
  signsItself: fails('the TLS certificate is self-signed'),
  isAnotherHost: fails('the TLS certificate is for another host name'),
  isFourThousandOthers: { ...fails('the TLS certificate is for another host name'), together: 10 },
  isOfAStranger: fails('the TLS certificate chain has a self-signed certificate'),
  showsHalfAChain: fails('the TLS certificate cannot be verified'),
  isSignedByNoAuthority: fails('the TLS certificate is signed by one that may not sign'),
  showsALongChain: { ...fails('the TLS certificate chain does not lead to an authority that is known'), together: 10 },
  asksWhoWeAre: fails('the receiver refused the TLS handshake'),
  greetsNobody: times,
  dripsItsGreeting: times,
  resetsTheHandshake: fails('connection reset'),
  leavesTheHandshake: fails('connection reset'),
  refusesTheHandshake: fails('the receiver refused the TLS handshake'),
  knowsNoSuchName: fails('the receiver has no TLS certificate for this host name'),
  speaksTls10: fails('the receiver speaks no version of TLS from 1.2 on'),
  refusesTls12: fails('the receiver speaks no version of TLS from 1.2 on'),
  speaksPlainHttp: fails('what listens there speaks no TLS'),
  floodsCertificates: fails('the TLS certificate chain is too large'),
}
