import type { Logger } from '../../shared/logger.ts'
import type { Redis } from '../../shared/redis.ts'
import { doneSeconds, keys, outcomeFields } from '../../shared/transport.ts'

/** One outcome as it was written, and the job that it ends, if it does. */
export type Told = { text: string; done?: string | undefined }
export type Retell = { keep(told: Told): void; stop(): void }

/** Longer than status takes to record; what it has recorded by now need not be told again. */
const keptMs = 10_000
/** Answers may be long: beyond this, all shards together, the oldest is forgotten first. */
const keptBytes = 16 * 1_048_576
const lookEveryMs = 1_000
const markSeconds = 60

/**
 * Remembers what this process has lately told the outcomes stream, and tells it again when Redis turns out to have been
 * wiped: until status has recorded an outcome, the stream is the only place that knows of it. Twice is harmless, the log
 * knows each attempt by its id. A mark of our own shows the wipe: it is there unless somebody took it away.
 */
export function startRetell(redis: Redis, prefix: string, self: string, share: number, log: Logger): Retell {
  const key = keys(prefix)
  const mark = key.dispatcher(self)
  let kept: (Told & { at: number })[] = []
  /** Those before it are forgotten; they are taken away many at a time. */
  let first = 0
  let bytes = 0

  function forget(before: number): void {
    for (let oldest = kept[first]; oldest && (bytes > keptBytes * share || oldest.at < before); oldest = kept[++first])
      bytes -= oldest.text.length
    if (first > 1_000 && first * 2 > kept.length) {
      kept = kept.slice(first)
      first = 0
    }
  }

  async function tellAgain(): Promise<void> {
    const pipeline = redis.pipeline()
    const told = kept.slice(first)
    for (const { text, done } of told) {
      pipeline.xadd(key.outcomes, '*', ...outcomeFields(text))
      if (done) pipeline.set(key.done(done), '1', 'EX', doneSeconds)
    }
    for (const [error] of (await pipeline.exec()) ?? []) if (error) throw error
    log.warn({ entries: told.length }, 'Redis was wiped: what it had been told lately is told again')
  }

  let isMarked = false
  async function look(): Promise<void> {
    forget(performance.now() - keptMs)
    if ((await redis.set(mark, '1', 'EX', markSeconds, 'XX')) === 'OK') return
    if (isMarked) await tellAgain()
    await redis.set(mark, '1', 'EX', markSeconds)
    isMarked = true
  }

  let looking = false
  async function lookOnce(): Promise<void> {
    if (looking) return
    looking = true
    // Redis being away is known already, and the next look comes in a second.
    await look().catch(() => {})
    looking = false
  }
  void lookOnce()
  const timer = setInterval(() => void lookOnce(), lookEveryMs)

  return {
    keep(told) {
      kept.push({ ...told, at: performance.now() })
      bytes += told.text.length
      forget(0)
    },
    stop: () => clearInterval(timer),
  }
}
