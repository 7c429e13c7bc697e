import { setTimeout as pause } from 'node:timers/promises'
import { jobOf, type QueuedDelivery } from '../../shared/queue.ts'
import type { StatusDeps } from './deps.ts'
import { advanceReplay, type ReplayDeps } from './replay.ts'

/** One commit and a few pipelines at most. */
const largestPiece = 500
/** No more comes at once than of so many seconds, however long ago the last step was: whoever is next would have to wait for all of it. */
const mostAtOnceSeconds = 0.05
/** Of a low rate somewhat more: a step costs about the same however few it opens. */
const [fewSeconds, few] = [2, 10]
/** The most that one step opens. */
const stepOf = (rate: number): number => Math.max(mostAtOnceSeconds * rate, Math.min(fewSeconds * rate, few))
/**
 * A step is followed by so many times as long without one. It takes longer where others want the same disk and the same
 * cores: thus nobody has to say how much there is to spare, and the rate of the settings is no more than an upper bound.
 */
const restTimes = 25
/** But no longer: what takes seconds waits for a disk or a lock, not for its share. */
const mostRestMs = 10_000
/** Between two jobs; where more is to be added than so many, several go together. */
const leastGapMs = 10
/** Much less than an open delivery may be without a job before the reconciler gives it one. */
const mostSpreadMs = 2_000
/** Without a tick for so long this process leads no more, or is about to end. */
const silentMs = 5_000

/** Opens so many deliveries at most. Fewer: there is nothing more to be done now. */
type Run = (most: number) => Promise<number>

/** `idle`: there is none to be advanced. */
type Step = { opened: number; idle: boolean }

/**
 * A step of all running redeliveries and replays: what has become due since the last one, at the rate of the settings, once
 * what came before is under way. Rows come first: should the process die before their jobs are added, the reconciler finds
 * open deliveries without a job.
 */
export function redeliverSteadily(deps: ReplayDeps): () => Promise<Step> {
  const { redeliveryRate } = deps.settings
  const most = stepOf(redeliveryRate)
  let due = most
  let lastAt = deps.clock.now()

  /** Several advance side by side, each with its share. */
  async function advanceAll(running: Run[], most: number): Promise<{ opened: number; running: Run[] }> {
    const share = Math.ceil(most / running.length)
    let opened = 0
    const unfinished: Run[] = []
    for (const run of running) {
      const asked = Math.min(share, most - opened)
      const count = asked > 0 ? await run(asked) : 0
      opened += count
      if (count === asked) unfinished.push(run)
    }
    return { opened, running: unfinished }
  }

  return async () => {
    const now = deps.clock.now()
    due = Math.min(most, due + (Math.max(0, now - lastAt) / 1_000) * redeliveryRate)
    lastAt = now
    const allowed = Math.floor(due)
    if (allowed === 0) return { opened: 0, idle: false }
    const [all, waiting] = await Promise.all([allRunning(deps), deps.queue.waiting('bulk')])
    let running = all
    if (running.length === 0) return { opened: 0, idle: true }
    // what waits longer than that waits for dispatchers that have nothing to spare
    if (waiting >= most) return { opened: 0, idle: false }
    let opened = 0
    while (running.length > 0 && opened < allowed) {
      const round = await advanceAll(running, Math.min(largestPiece, allowed - opened))
      opened += round.opened
      running = round.running
    }
    due -= opened
    if (opened > 0) deps.log.debug({ deliveries: opened }, 'deliveries opened again, or for old events')
    return { opened, idle: false }
  }
}

export type Redelivering = { chore(): Promise<void>; stop(): Promise<void> }

/**
 * A chore for the reconciler that goes on between its ticks, in small steps: a tick's worth at once would be felt by the fresh
 * events that come with it. So would the jobs of a step at once: ten of them hold up for 15 ms what comes with them, one nothing.
 * They are added one after the other, while the next step is waited for.
 */
export function redeliverBetweenTicks(deps: ReplayDeps): Redelivering {
  const { redeliveryRate } = deps.settings
  /** Until as much as one step opens has become due. */
  const leastRestMs = (stepOf(redeliveryRate) / redeliveryRate) * 1_000
  const opened: QueuedDelivery[] = []
  const later = async (jobs: QueuedDelivery[]) => void opened.push(...jobs)
  const open = redeliverSteadily({ ...deps, queue: { ...deps.queue, add: later } })
  const stopping = new AbortController()
  const { signal } = stopping
  let goingOn: Promise<void> | undefined
  let tickAt = 0

  const rest = (ms: number) => pause(ms, undefined, { signal }).catch(() => undefined)

  async function step(): Promise<Step & { took: number }> {
    const from = deps.clock.now()
    // what an error left here is open and has no job: by now the reconciler may have given it one
    opened.length = 0
    const made = await open()
    return { ...made, took: deps.clock.now() - from }
  }

  /** Adds the jobs of a step over that time; where the process is about to end, at once. */
  async function addWithin(ms: number): Promise<void> {
    const spreadMs = Math.min(ms, mostSpreadMs)
    const parts = Math.max(1, Math.min(opened.length, Math.floor(spreadMs / leastGapMs)))
    const each = Math.ceil(opened.length / parts)
    while (opened.length > 0) {
      await deps.queue.add(opened.splice(0, signal.aborted ? opened.length : each))
      await rest(spreadMs / parts)
    }
  }

  async function goOn(first: number): Promise<void> {
    let took = first
    try {
      while (!signal.aborted && deps.clock.now() - tickAt < silentMs) {
        const restMs = Math.min(mostRestMs, Math.max(leastRestMs, took * restTimes))
        const from = performance.now()
        await addWithin(restMs)
        await rest(restMs - (performance.now() - from))
        const next = await step()
        if (next.idle) return
        took = next.took
      }
      await addWithin(0)
    } catch (error) {
      deps.log.warn({ err: error }, 'redelivering failed, will be repeated')
    }
  }

  return {
    async chore() {
      tickAt = deps.clock.now()
      if (goingOn || signal.aborted) return
      const { idle, took } = await step()
      if (!idle) goingOn = goOn(took).finally(() => (goingOn = undefined))
    },
    async stop() {
      stopping.abort()
      await goingOn
    },
  }
}

async function allRunning(deps: ReplayDeps): Promise<Run[]> {
  const [redeliveries, replays] = await Promise.all([deps.storage.redeliveries.running(), deps.storage.replays.running()])
  return [
    ...redeliveries.map(
      ({ id }): Run =>
        (most) =>
          advance(id, most, deps),
    ),
    ...replays.map(
      (replay): Run =>
        (most) =>
          advanceReplay(replay, most, deps),
    ),
  ]
}

async function advance(
  id: string,
  most: number,
  { storage, queue, clock }: Pick<StatusDeps, 'storage' | 'queue' | 'clock'>,
): Promise<number> {
  const list = await storage.redeliveries.advance(id, most, clock.now())
  await queue.add(list.map((open) => jobOf(open, clock.now(), 'bulk')))
  return list.length
}
