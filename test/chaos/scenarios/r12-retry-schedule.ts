import { decide, parseRetryAfter } from '../../../services/dispatcher/decide.ts'
import type { SendResult } from '../../../shared/contracts/delivery.ts'
import { defaultRetryPolicy } from '../../../shared/contracts/retry.ts'
import type { Backoff } from '../../../shared/queue.ts'
import { atMost, holds, none, type Scenario, type Stage, type Verdict } from '../scenario.ts'

const deliveries = 10_000
const dayMs = 86_400_000
const startedAt = Date.UTC(2026, 0, 1)

if (defaultRetryPolicy.strategy !== 'exponential') throw new Error('the default retry policy is another one: this scenario is about it')
const { attempts, base_seconds, max_seconds, jitter } = defaultRetryPolicy
const backoff: Backoff = {
  type: 'exponential-jitter',
  delay: base_seconds * 1_000,
  maxDelay: max_seconds * 1_000,
  jitter,
  honourRetryAfter: true,
}
const failure = (retryAfter?: string): SendResult => ({
  outcome: 'rejected',
  statusCode: 503,
  timings: { endMs: 1 },
  ...(retryAfter !== undefined && { retryAfter }),
})

/** When each attempt of one delivery is made, until it is given up. */
function attemptTimes(random: () => number): number[] {
  const times = [startedAt]
  for (let step = 1; ; step++) {
    const now = times.at(-1) as number
    const { state, delayMs } = decide({ result: failure(), step, attempts, backoff, now, random: random() })
    if (state === 'failed' || delayMs === undefined) return times
    times.push(now + delayMs)
  }
}

/** So many of a wave fall into one bucket on average: in a second that has one request or none, chance alone makes a crowd. */
const perBucket = 100

/**
 * All have failed at the same moment, the worst that can happen: how full is the fullest second of a wave, against its
 * mean? Where a wave is spread so thin that a second does not tell, the bucket is longer.
 */
function crowding(times: number[]): number {
  const [first, last] = times.reduce(([a, b], time) => [Math.min(a, time), Math.max(b, time)], [Number.POSITIVE_INFINITY, 0])
  const bucketMs = Math.max(1_000, ((last - first) * perBucket) / times.length)
  const buckets = new Map<number, number>()
  for (const time of times) {
    const bucket = Math.floor((time - first) / bucketMs)
    buckets.set(bucket, (buckets.get(bucket) ?? 0) + 1)
  }
  return Math.max(...buckets.values()) / (times.length / Math.max(1, (last - first) / bucketMs))
}

const planned = (step: number) => Math.min(backoff.type === 'exponential-jitter' ? backoff.delay * 2 ** (step - 1) : 0, max_seconds * 1_000)

const retryAfters: [text: string, expected: (now: number) => number | undefined][] = [
  ['120', () => 120_000],
  ['0', () => 0],
  ['9999999999', () => 9_999_999_999_000],
  [new Date(startedAt + 3_600_000).toUTCString(), () => 3_600_000],
  [new Date(startedAt - 3_600_000).toUTCString(), () => 0],
  ...['-1', '1e9', 'soon', '', '12345678901', '1.5', 'Thu, 99 Foo 2026 00:00:00 GMT'].map(
    (text) => [text, () => undefined] as [string, () => undefined],
  ),
]

async function run({ random }: Stage): Promise<Verdict> {
  const all = Array.from({ length: deliveries }, () => attemptTimes(() => random.next()))
  const delays = all.flatMap((times) => times.slice(1).map((time, i) => ({ step: i + 1, ms: time - (times[i] as number) })))
  const outside = delays.filter(({ step, ms }) => ms > planned(step) || ms < Math.floor(planned(step) * (1 - jitter)))
  const waves = Array.from({ length: attempts - 1 }, (_, n) => crowding(all.map((times) => times[n + 1] as number)))
  const misread = retryAfters.filter(([text, expected]) => parseRetryAfter(text, startedAt) !== expected(startedAt))
  const asked = ['999999999', new Date(startedAt + 30 * dayMs).toUTCString()].map((text) =>
    decide({ result: failure(text), step: 1, attempts, backoff, now: startedAt, random: 0 }),
  )
  const spans = all.map((times) => (times.at(-1) as number) - startedAt)
  const shortest = spans.reduce((a, b) => Math.min(a, b))
  return {
    goals: [
      none('deliveries with more or fewer attempts than planned', all.filter(({ length }) => length !== attempts).length),
      none('delays outside the bounds of the jitter', outside.length),
      atMost('longest delay', delays.reduce((most, { ms }) => Math.max(most, ms), 0) / 3_600_000, 24, ' h'),
      holds('shortest schedule', '≥ 3 days', `${(shortest / dayMs).toFixed(2)} days`, shortest >= 3 * dayMs),
      none('Retry-After read wrongly: seconds, date, garbage, huge', misread.length),
      atMost('longest wait that Retry-After can ask for', Math.max(...asked.map(({ delayMs }) => delayMs ?? 0)) / 3_600_000, 24, ' h'),
      atMost('fullest second of a wave, against its mean', Math.max(...waves), 3),
    ],
    figures: { deliveries, attempts, delays: delays.length, crowding: waves.map((wave) => Math.round(wave * 100) / 100) },
  }
}

export const retrySchedule: Scenario = {
  name: 'R12',
  title: 'retry schedule of 10 000 failing deliveries, on a clock that is turned',
  seconds: 1,
  shortSeconds: 1,
  run,
}
