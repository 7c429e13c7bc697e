import type { OutcomeEntry } from '../../contracts/delivery.ts'

type Finished = Extract<OutcomeEntry, { kind: 'finished' }>
type Failure = { at: number; statusCode: number | null; reason: string; outcome: string }

/** What the attempts of a batch change of a webhook's health, in their order. */
export type Health = {
  succeededAt: number | null
  /** After the last success, where there was one. */
  failures: number
  exhausted: boolean
  failingSince: number | null
  nextAttemptAt: number | null
  lastFailure: Failure | null
}

const none: Health = { succeededAt: null, failures: 0, exhausted: false, failingSince: null, nextAttemptAt: null, lastFailure: null }

/** All is well again; what the last failure was is still known. */
export const noteSuccess = ({ at }: Finished, { succeededAt, lastFailure }: Health = none): Health => ({
  ...none,
  succeededAt: Math.max(at, succeededAt ?? 0),
  lastFailure,
})

export const noteFailure = ({ at, state, result, nextAttemptAt }: Finished, health: Health = none): Health => ({
  ...health,
  failures: health.failures + 1,
  exhausted: health.exhausted || (state === 'failed' && !result.permanent),
  failingSince: health.failingSince ?? at,
  nextAttemptAt,
  lastFailure: {
    at,
    statusCode: result.statusCode ?? null,
    reason: result.error ?? `answered ${result.statusCode}`,
    outcome: result.outcome,
  },
})
