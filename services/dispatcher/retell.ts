import type { Logger } from '../../shared/logger.ts'
import { askRun, type Redis } from '../../shared/redis.ts'
import { doneSeconds, keys, outcomeFields } from '../../shared/transport.ts'

/** One outcome as it was written, and the job that it ends, if it does. */
export type Told = { text: string; done?: string | undefined }
export type Retell = {
  keep(told: Told): void
  /** While it is not known whether Redis still has all that it was told, as after a lost connection: resolves when it is. */
  unsure(): Promise<void> | undefined
  stop(): void
}

/** Longer than status takes to record; what it has recorded by now need not be told again. */
const keptMs = 10_000
/** Answers may be long: beyond this, all shards together, the oldest is forgotten first. */
const keptBytes = 16 * 1_048_576
const lookEveryMs = 1_000
const markSeconds = 60

/**
 * Remembers what this process has lately told the outcomes stream, and tells it again when Redis turns out to have lost
 * some: wiped, started again without its last second, or replaced by a replica that was behind. Until status has recorded
 * an outcome, the stream is the only place that knows of it, and without its mark a job that has succeeded would be done
 * again. Twice is harmless: the log knows each attempt by its id. A count of our own shows the loss, as it is what it was
 * last set to unless somebody took it back; after a lost connection it is looked at before any attempt begins.
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
    log.warn({ entries: told.length }, 'Redis has lost what it was told: the last of it is told again')
  }

  let count = 0
  let expected: string | undefined
  let run: string | undefined
  async function look(isConnectedAnew: boolean): Promise<void> {
    forget(performance.now() - keptMs)
    const next = String(++count)
    const [found, , now] = await Promise.all([
      redis.get(mark),
      redis.set(mark, next, 'EX', markSeconds),
      isConnectedAnew ? askRun(redis) : run,
    ])
    const isOther = isConnectedAnew && (now === undefined || now !== run)
    if (expected !== undefined && (found !== expected || isOther)) await tellAgain()
    // not before: what could not be told is told by the next look
    expected = next
    run = now
  }

  let looking: Promise<unknown> = Promise.resolve()
  let waiting = 0
  /** Redis being away is known already, and the next look comes in a second. */
  function lookNext(isConnectedAnew: boolean): Promise<boolean> {
    waiting++
    const looked = looking
      .then(() => look(isConnectedAnew))
      .then(
        () => true,
        () => false,
      )
      .finally(() => waiting--)
    looking = looked
    return looked
  }
  void lookNext(true)

  let unsure: Promise<void> | undefined
  let settle = () => {}
  /** A look may fail without the connection being lost again, as on a server that takes no writes yet: then the next one tells. */
  async function check(): Promise<void> {
    const isUnsure = unsure !== undefined
    const looked = await lookNext(isUnsure)
    if (!isUnsure || !looked || redis.status !== 'ready') return
    unsure = undefined
    settle()
  }
  const timer = setInterval(() => void (waiting === 0 && check()), lookEveryMs)
  const onClose = () => (unsure ??= new Promise((resolve) => (settle = resolve)))
  const onReady = () => void check()
  redis.on('close', onClose)
  redis.on('ready', onReady)

  return {
    keep(told) {
      kept.push({ at: performance.now(), ...told })
      bytes += told.text.length
      forget(0)
    },
    unsure: () => unsure,
    stop() {
      clearInterval(timer)
      redis.off('close', onClose)
      redis.off('ready', onReady)
      settle()
    },
  }
}
