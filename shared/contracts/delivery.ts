import { z } from 'zod'

export const DeliveryState = z
  .enum(['pending', 'retrying', 'succeeded', 'failed', 'cancelled'])
  .describe(
    '`pending`: not tried yet · `retrying`: tried, will be again · `succeeded`: answered 2xx · `failed`: schedule used up · `cancelled`: given up because the webhook is gone, disabled or answered 410.',
  )
export type DeliveryState = z.infer<typeof DeliveryState>

export const Outcome = z
  .enum(['succeeded', 'rejected', 'timed_out', 'unreachable', 'blocked', 'interrupted'])
  .describe(
    '`rejected`: an answer other than 2xx · `timed_out`: no whole answer within the timeout · `unreachable`: no connection, or it broke · `blocked`: the address is not allowed · `interrupted`: the dispatcher died in mid-request.',
  )
export type Outcome = z.infer<typeof Outcome>

export const openStates: readonly DeliveryState[] = ['pending', 'retrying']

/** A delivery that is due later than this waits in SQL alone, and gets a job when its time comes near: a long outage must not fill Redis. */
export const farMs = 600_000

/** Milliseconds from the start of the attempt: to the first byte of the answer (connecting included), and to its end. */
export type AttemptTimings = { headersMs?: number; endMs: number }

/** What `send` observed: a value, whatever the receiver did. */
export type SendResult = {
  outcome: Exclude<Outcome, 'interrupted'>
  statusCode?: number
  /** Short text for a person: why there was no answer. Never holds a resolved address. */
  error?: string
  responseHeaders?: Record<string, string>
  responseBody?: string
  responseTruncated?: boolean
  /** The service said that the same request will never be taken. */
  permanent?: boolean
  /** Raw `Retry-After` value, if any. */
  retryAfter?: string
  timings: AttemptTimings
}

/**
 * Entries of the Redis stream `outcomes`, in the order in which a dispatcher writes them. `cancelled` and `held` stand
 * alone, no request was made: the webhook is gone or switched off, or too many wait for it in Redis already.
 */
export type OutcomeEntry =
  | { kind: 'started'; attemptId: string; deliveryId: string; webhookId: string; generation: number; at: number }
  | {
      kind: 'finished'
      attemptId: string
      deliveryId: string
      webhookId: string
      generation: number
      startedAt: number
      at: number
      result: SendResult
      request: { url: string; headers: Record<string, string>; format: string; bodyHash: string; bytes: number }
      state: DeliveryState
      nextAttemptAt: number | null
      /** Requests of this generation that count against the retry policy, this one included. */
      step: number
      /** Which rule decided what follows, in words for the log. */
      decision: string
      disableWebhook: boolean
      /** Of the span of the attempt, where traces are on. */
      traceparent?: string
    }
  | { kind: 'cancelled'; deliveryId: string; webhookId: string; generation: number; at: number; reason: string }
  /** `step`: requests that counted before, so that one that comes late says nothing of a delivery that was tried since. */
  | { kind: 'held'; deliveryId: string; webhookId: string; generation: number; step: number; at: number }
