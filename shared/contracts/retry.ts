import { z } from 'zod'

const jitter = z
  .number()
  .min(0)
  .max(1)
  .default(0.2)
  .describe('Share of each delay that is drawn at random, so that retries do not arrive together: 0.2 takes 80 to 100 % of it.')
const honourRetryAfter = z
  .boolean()
  .default(true)
  .describe('Wait at least as long as a `Retry-After` of the receiver asks (RFC 9110 §10.2.3), at most 24 hours.')

/** Delay before retry n is `base_seconds` doubled n − 1 times, never above `max_seconds`. */
export const ExponentialRetry = z.strictObject({
  strategy: z.literal('exponential'),
  attempts: z.int().min(1).max(50).default(18).describe('Requests in all, the first included. The default spans almost four days.'),
  base_seconds: z.number().min(0.01).max(86_400).default(5).describe('Delay before the first retry, in seconds.'),
  max_seconds: z.number().min(0.01).max(86_400).default(86_400).describe('Longest delay, in seconds.'),
  jitter,
  honour_retry_after: honourRetryAfter,
})

/** Delays written out one by one. */
export const ScheduleRetry = z.strictObject({
  strategy: z.literal('schedule'),
  delays_seconds: z
    .array(z.number().min(0).max(86_400))
    .max(49)
    .describe('Delay before each retry, in seconds; as many retries as entries. `[]` means one attempt only.'),
  jitter,
  honour_retry_after: honourRetryAfter,
})

/** When a failed delivery is tried again. */
export const RetryPolicy = z.discriminatedUnion('strategy', [ExponentialRetry, ScheduleRetry])
export type RetryPolicy = z.infer<typeof RetryPolicy>
export const defaultRetryPolicy: RetryPolicy = ExponentialRetry.parse({ strategy: 'exponential' })

/**
 * The two modes of Opteryx's webhooks, as words for two kinds of retry policy: `direct` is one attempt, and what fails is
 * logged and goes no further; `queued` is tried again.
 */
export const DeliveryMode = z.enum(['direct', 'queued'])
export type DeliveryMode = z.infer<typeof DeliveryMode>
const oneAttempt: RetryPolicy = ScheduleRetry.parse({ strategy: 'schedule', delays_seconds: [] })

const attemptsOf = (retry: RetryPolicy): number => (retry.strategy === 'schedule' ? retry.delays_seconds.length + 1 : retry.attempts)
export const modeOf = (retry: RetryPolicy): DeliveryMode => (attemptsOf(retry) === 1 ? 'direct' : 'queued')

/** A policy of that mode: the given one where it is, else the plainest there is. */
export function retryIn(mode: DeliveryMode, retry: RetryPolicy = defaultRetryPolicy): RetryPolicy {
  if (modeOf(retry) === mode) return retry
  return mode === 'direct' ? oneAttempt : defaultRetryPolicy
}
