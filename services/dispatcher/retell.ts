import type { Redis } from 'ioredis'
import type { Logger } from '../../shared/logger.ts'
import { doneSeconds, keys } from '../../shared/transport.ts'

/** One entry of the outcomes stream as it was written, and the job that it ends, if it does. */
export type Told = { fields: [name: string, value: string]; done?: string | undefined }
export type Retell = { keep(told: Told): void; stop(): void }

/** Longer than status takes to record; what it has recorded by now need not be told again. */
const keptMs = 10_000
/** Answers may be long: beyond this the oldest is forgotten first. */
const keptBytes = 16 * 1_048_576
const lookEveryMs = 1_000
const markSeconds = 60

/**
 * Remembers what this process has lately told the outcomes stream, and tells it again when Redis turns out to have been
 * wiped: until status has recorded an outcome, the stream is the only place that knows of it. Twice is harmless, the log
 * knows each attempt by its id. A mark of our own shows the wipe: it is there unless somebody took it away.
 */
export function startRetell(redis: Redis, prefix: string, self: string, log: Logger): Retell {
  const key = keys(prefix)
  const mark = key.dispatcher(self)
  const kept: (Told & { at: number })[] = []
  let bytes = 0

  function forget(before: number): void {
    while (kept.length > 0 && (bytes > keptBytes || (kept[0] as { at: number }).at < before))
      bytes -= (kept.shift() as Told).fields[1].length
  }

  async function tellAgain(): Promise<void> {
    const pipeline = redis.pipeline()
    for (const { fields, done } of kept) {
      pipeline.xadd(key.outcomes, '*', ...fields)
      if (done) pipeline.set(key.done(done), '1', 'EX', doneSeconds)
    }
    for (const [error] of (await pipeline.exec()) ?? []) if (error) throw error
    log.warn({ entries: kept.length }, 'Redis was wiped: what it had been told lately is told again')
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
      bytes += told.fields[1].length
      forget(0)
    },
    stop: () => clearInterval(timer),
  }
}
