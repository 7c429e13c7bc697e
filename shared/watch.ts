import type { Clock } from './clock.ts'
import type { Logger } from './logger.ts'
import type { Redis } from './redis.ts'

/** Beyond this the clock is wrong enough to be shown, and to be mended. */
const wrongMs = 2_000
/** Beyond this it decides wrongly: jobs would be started whose time has not come, or has long passed. */
const untrustedMs = 30_000
/** So long a process can neither answer nor keep its jobs: their locks are renewed every few seconds. */
const stalledMs = 5_000
/** How long a standstill is shown after its end. */
const shownMs = 30_000

const measureEveryMs = 60_000
const measureAgainMs = 1_000
const lookEveryMs = 250

/** How far a clock is from that of Redis, which all processes share. What the way there and back took tells nothing. */
export function skewOf(asked: { before: number; redis: number; after: number }): number {
  const skew = (asked.before + asked.after) / 2 - asked.redis
  const unknown = Math.abs(asked.after - asked.before) / 2
  return Math.sign(skew) * Math.max(0, Math.abs(skew) - unknown)
}

export function judgeClock(skewMs: number | undefined): { state: string; trusted: boolean } {
  if (skewMs === undefined) return { state: 'ok', trusted: false }
  if (Math.abs(skewMs) <= wrongMs) return { state: 'ok', trusted: true }
  const trusted = Math.abs(skewMs) <= untrustedMs
  const state = `${(Math.abs(skewMs) / 1_000).toFixed(1)} s ${skewMs > 0 ? 'ahead of' : 'behind'} Redis: set the clock of this machine`
  return { state, trusted }
}

export type Standstill = { ms: number; endedAgoMs: number }

export const judgeLoop = (last: Standstill | undefined): string =>
  last === undefined || last.ms < stalledMs || last.endedAgoMs > shownMs
    ? 'ok'
    : `stood still for ${(last.ms / 1_000).toFixed(1)} s, until ${Math.round(last.endedAgoMs / 1_000)} s ago`

export type Watch = {
  /** The clock and the event loop, each `ok` or what is wrong. */
  states(): { clock: string; loop: string }
  /** Calls back whenever it turns out that the clock can be trusted, or no more. Until it was measured it is not. */
  whenTrusted(changed: (trusted: boolean) => void): void
  stop(): void
}

/**
 * Watches what a process cannot see of itself: whether its clock is right, once a minute and whenever it jumps, and
 * whether its event loop turns.
 */
export function startWatch({ redis, clock, log }: { redis: Redis; clock: Clock; log: Logger }): Watch {
  const listeners: ((trusted: boolean) => void)[] = []
  let skewMs: number | undefined
  let trusted = false
  let standstill: { ms: number; at: number } | undefined
  let last = { wall: clock.now(), steady: performance.now() }
  let measureAt = 0

  async function measure(): Promise<void> {
    measureAt = performance.now() + measureAgainMs
    if (redis.status !== 'ready') return
    const before = clock.now()
    const [seconds, microseconds] = (await redis.time()).map(Number) as [number, number]
    skewMs = skewOf({ before, redis: seconds * 1_000 + microseconds / 1_000, after: clock.now() })
    measureAt = performance.now() + measureEveryMs
    const judged = judgeClock(skewMs)
    if (judged.state !== 'ok') log.error({ skewMs: Math.round(skewMs) }, 'the clock of this process is wrong')
    if (judged.trusted === trusted) return
    trusted = judged.trusted
    for (const changed of listeners) changed(trusted)
  }

  function look(): void {
    const now = { wall: clock.now(), steady: performance.now() }
    const passed = now.steady - last.steady
    if (passed - lookEveryMs > stalledMs) {
      standstill = { ms: passed, at: now.steady }
      log.error({ ms: Math.round(passed) }, 'the event loop stood still')
    }
    const jumped = Math.abs(now.wall - last.wall - passed) > wrongMs
    last = now
    // Redis being away is known already, and no reason to distrust a clock that was right.
    if (jumped || now.steady >= measureAt) void measure().catch(() => {})
  }

  look()
  if (redis.status !== 'ready') redis.once('ready', () => void measure().catch(() => {}))
  const timer = setInterval(look, lookEveryMs)
  timer.unref()
  return {
    states: () => ({
      clock: judgeClock(skewMs).state,
      loop: judgeLoop(standstill && { ms: standstill.ms, endedAgoMs: performance.now() - standstill.at }),
    }),
    whenTrusted(changed) {
      listeners.push(changed)
      if (trusted) changed(true)
    },
    stop: () => clearInterval(timer),
  }
}
