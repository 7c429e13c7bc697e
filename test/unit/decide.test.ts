import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SendResult } from '../../shared/contracts/delivery.ts'
import type { Backoff } from '../../shared/queue.ts'
import { decide, parseRetryAfter, retryDelay, type DecideInput } from '../../services/dispatcher/decide.ts'

const now = Date.UTC(2026, 3, 15, 9, 0, 0)
const day = 86_400_000
const exponential: Backoff = { type: 'exponential-jitter', delay: 5_000, maxDelay: day, jitter: 0, honourRetryAfter: true }
const schedule: Backoff = { type: 'schedule', delays: [1_000, 60_000, 7_200_000], jitter: 0, honourRetryAfter: true }

const answered = (statusCode: number, more: Partial<SendResult> = {}): SendResult => ({
  outcome: statusCode >= 200 && statusCode < 300 ? 'succeeded' : 'rejected',
  statusCode,
  timings: { endMs: 1 },
  ...more,
})
const decideOn = (result: SendResult, more: Partial<DecideInput> = {}) =>
  decide({ result, step: 1, attempts: 5, backoff: exponential, now, random: 0, ...more })

describe('decide, by answer', () => {
  it.each([200, 201, 202, 204, 299])('takes %i as success', (statusCode) => {
    expect(decideOn(answered(statusCode))).toEqual({ state: 'succeeded', disableWebhook: false, decision: `answered ${statusCode}` })
  })

  it.each([300, 301, 302, 304, 307, 308, 400, 401, 403, 404, 405, 408, 409, 413, 421, 422, 425, 429, 499, 500, 501, 502, 503, 504, 599])(
    'tries again after %i',
    (statusCode) => {
      expect(decideOn(answered(statusCode))).toEqual({
        state: 'retrying',
        delayMs: 5_000,
        disableWebhook: false,
        decision: `answered ${statusCode}; next attempt by exponential-jitter`,
      })
    },
  )

  it.each(['timed_out', 'unreachable', 'blocked'] as const)('tries again when there was no answer: %s', (outcome) => {
    const decision = decideOn({ outcome, error: 'why', timings: { endMs: 1 } })

    expect(decision).toMatchObject({ state: 'retrying', delayMs: 5_000, disableWebhook: false })
    expect(decision.decision).toContain(outcome.replace('_', ' '))
  })

  it('disables the webhook and gives the delivery up on 410, however many attempts are left', () => {
    expect(decideOn(answered(410, { retryAfter: '5' }))).toEqual({
      state: 'cancelled',
      disableWebhook: true,
      decision: 'the receiver answered 410 Gone',
    })
  })

  it('disables the webhook on 410 at the last attempt too', () => {
    expect(decideOn(answered(410), { step: 5 })).toMatchObject({ state: 'cancelled', disableWebhook: true })
  })
})

describe('decide, at the end of the policy', () => {
  it('fails with the last attempt and says so', () => {
    expect(decideOn(answered(503, { retryAfter: '5' }), { step: 5 })).toEqual({
      state: 'failed',
      disableWebhook: false,
      decision: 'answered 503; attempt 5 of 5 was the last',
    })
  })

  it('succeeds with the last attempt', () => {
    expect(decideOn(answered(200), { step: 5 }).state).toBe('succeeded')
  })

  it('makes one attempt only where the policy allows one', () => {
    expect(decideOn(answered(500), { attempts: 1 }).state).toBe('failed')
  })

  it('fails when it finds itself beyond the last attempt', () => {
    expect(decideOn(answered(500), { step: 9 }).state).toBe('failed')
  })
})

describe('decide, on Retry-After', () => {
  const delayAfter = (retryAfter: string | undefined, backoff: Backoff = exponential) =>
    decideOn(answered(503, retryAfter === undefined ? {} : { retryAfter }), { backoff }).delayMs

  it.each([
    ['more seconds than planned are waited', '120', 120_000],
    ['fewer seconds than planned change nothing', '2', 5_000],
    ['zero changes nothing', '0', 5_000],
    ['spaces around the number do not matter', ' 120 ', 120_000],
    ['a date is waited for', 'Wed, 15 Apr 2026 09:10:00 GMT', 600_000],
    ['a date that has passed changes nothing', 'Tue, 14 Apr 2026 09:10:00 GMT', 5_000],
    ['a huge number is cut to 24 hours', '9999999999', day],
    ['a date far away is cut to 24 hours', 'Wed, 15 Apr 2099 09:10:00 GMT', day],
    ['a negative number is ignored', '-1', 5_000],
    ['a fraction is ignored', '1.5', 5_000],
    ['a number beyond reason is ignored', '99999999999999999999', 5_000],
    ['text is ignored', 'soon', 5_000],
    ['nothing is ignored', '', 5_000],
    ['an ISO date is ignored', '2026-04-15T09:10:00Z', 5_000],
    ['a date that does not exist is ignored', 'Wed, 99 Foo 2026 09:10:00 GMT', 5_000],
    ['hexadecimal is ignored', '0x10', 5_000],
    ['a list is ignored', '120, 240', 5_000],
  ])('%s', (_title, value, delayMs) => {
    expect(delayAfter(value)).toBe(delayMs)
  })

  it('is not looked at where the policy says so', () => {
    expect(delayAfter('120', { ...exponential, honourRetryAfter: false })).toBe(5_000)
  })

  it('lengthens a step of an explicit schedule', () => {
    expect(delayAfter('120', schedule)).toBe(120_000)
  })

  it('is named as the rule only when it decided', () => {
    expect(decideOn(answered(429, { retryAfter: '120' })).decision).toBe('answered 429; next attempt by Retry-After')
    expect(decideOn(answered(429, { retryAfter: '1' })).decision).toBe('answered 429; next attempt by exponential-jitter')
  })

  it('never shortens what is planned, never asks for more than 24 hours and never throws', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.integer().map(String),
          fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
        ),
        (value) => {
          const delayMs = delayAfter(value)
          expect(delayMs).toBeGreaterThanOrEqual(5_000)
          expect(delayMs).toBeLessThanOrEqual(day)
        },
      ),
    )
  })

  it('reads seconds and dates, and nothing else', () => {
    expect(parseRetryAfter(undefined, now)).toBeUndefined()
    expect(parseRetryAfter('30', now)).toBe(30_000)
    expect(parseRetryAfter('Wed, 15 Apr 2026 09:00:30 GMT', now)).toBe(30_000)
    expect(parseRetryAfter('Wed, 15 Apr 2026 08:00:00 GMT', now)).toBe(0)
    expect(parseRetryAfter('Thursday', now)).toBeUndefined()
  })
})

describe('retryDelay', () => {
  it('doubles with each step up to the longest delay', () => {
    expect([1, 2, 3, 4, 14, 15, 16, 50].map((step) => retryDelay(exponential, step, 0))).toEqual([
      5_000,
      10_000,
      20_000,
      40_000,
      40_960_000,
      81_920_000,
      day,
      day,
    ])
  })

  it('takes an explicit schedule one by one, and its last delay where it is asked for more', () => {
    expect([1, 2, 3, 4].map((step) => retryDelay(schedule, step, 0))).toEqual([1_000, 60_000, 7_200_000, 7_200_000])
  })

  it('waits not at all where the schedule is empty', () => {
    expect(retryDelay({ ...schedule, delays: [] }, 1, 0)).toBe(0)
  })

  it('draws jitter below the planned delay and never beyond its share', () => {
    const steps = fc.integer({ min: 1, max: 60 })
    const shares = fc.double({ min: 0, max: 1, noNaN: true })
    const randoms = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
    fc.assert(
      fc.property(steps, shares, randoms, fc.constantFrom(exponential, schedule), (step, jitter, random, backoff) => {
        const full = retryDelay({ ...backoff, jitter: 0 }, step, random)
        const delay = retryDelay({ ...backoff, jitter }, step, random)

        expect(delay).toBeLessThanOrEqual(full)
        expect(delay).toBeGreaterThanOrEqual(Math.floor(full * (1 - jitter)))
        expect(delay).toBeLessThanOrEqual(day)
      }),
    )
  })

  it('spreads deliveries that failed together', () => {
    const delays = [0, 0.25, 0.5, 0.75].map((random) => retryDelay({ ...exponential, jitter: 0.2 }, 1, random))

    expect(delays).toEqual([5_000, 4_750, 4_500, 4_250])
  })
})
