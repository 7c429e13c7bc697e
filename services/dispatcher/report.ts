import type { Redis } from 'ioredis'
import type { OutcomeEntry } from '../../shared/contracts/delivery.ts'
import type { Event } from '../../shared/contracts/event.ts'
import type { Logger } from '../../shared/logger.ts'
import { decodeEvent, doneSeconds, encodeOutcome, keys, laneMember } from '../../shared/transport.ts'
import type { Verdict } from './decide.ts'
import type { Retell } from './retell.ts'
import { begin as beginScript, finish as finishScript } from './scripts.ts'

type Started = Extract<OutcomeEntry, { kind: 'started' }>

/** The job whose attempt it is, as far as Redis needs to know it. */
export type Attempted = { jobId: string; webhookId: string; eventId: string; batchId?: string | undefined; lane?: string | undefined }
/** What a webhook allows: requests under way at once, and a second (0: no limit). */
export type Limits = { cap: number; rate: number }

/**
 * What Redis said when an attempt was about to begin. `stale`: the registry moved on. `full`: as many requests are under
 * way as may be. `closed`: the breaker or the rate limit keeps it away. `behind`: an earlier event of its lane is not done.
 * Of all these but the first, nothing was begun.
 */
export type Begun =
  | { kind: 'begun'; events: (Event | undefined)[] }
  | { kind: 'done'; free: string[] }
  | { kind: 'full' }
  | { kind: 'closed' }
  | { kind: 'behind' }
  | { kind: 'stale'; version: string }

export type BeginInput = {
  job: Attempted
  /** Events that this process does not hold yet. */
  wanted: string[]
  version: string
  /** None: only look. */
  entries: Started[]
  limits: Limits
  /** How long the attempt counts as under way, should this process die. */
  leaseMs: number
}

export type FinishInput = {
  job: Attempted
  entries: OutcomeEntry[]
  /** The job has succeeded and must never run again. */
  done: boolean
  /** Nothing of the job is left to do: the next of its lane may go. */
  ended: boolean
  verdict: Verdict
  limits: Limits
}

export type Report = {
  /** One round trip: is the job done, is the webhook's copy fresh, may a request go now, the events, and the mark that an attempt starts. */
  begin(input: BeginInput): Promise<Begun>
  /** Repeats until Redis has it: an answer that was received must not be forgotten. Resolves to jobs that may run now. */
  finish(input: FinishInput): Promise<string[]>
}

/** When a breaker opens, and for how long; 0 failures: never. */
export type BreakerSettings = { breakerFailures: number; breakerOpenMs: number }
const openMaxMs = 300_000
const pauseMs = 250

export function openReport(redis: Redis, prefix: string, retell: Pick<Retell, 'keep'>, breaker: BreakerSettings, log: Logger): Report {
  const key = keys(prefix)
  redis.defineCommand('tidingsBegin', { lua: beginScript })
  redis.defineCommand('tidingsFinish', { numberOfKeys: 7, lua: finishScript })
  const scripted = redis as Redis & {
    tidingsBegin(count: number, ...args: (string | number)[]): Promise<[string, ...(string | null)[]]>
    tidingsFinish(...args: (string | number)[]): Promise<string[]>
  }

  function write({ job, entries, done, ended, verdict, limits }: FinishInput): Promise<string[]> {
    const { jobId, webhookId, lane } = job
    const lot = [key.gate(webhookId), key.busy(webhookId), key.parked(webhookId), key.parking]
    const names = [key.outcomes, key.done(jobId), ...lot, key.lane(lane ?? '')]
    const about = [webhookId, jobId, verdict.kind, done ? doneSeconds : '', lane && ended ? laneMember(job) : '']
    const rules = [limits.cap, limits.rate, breaker.breakerFailures, breaker.breakerOpenMs, openMaxMs, verdict.closedMs ?? 0]
    return scripted.tidingsFinish(...names, ...about, ...rules, ...entries.map((entry) => encodeOutcome(entry)[1]))
  }

  return {
    async begin({ job, wanted, version, entries, limits, leaseMs }) {
      const { jobId, webhookId, lane } = job
      const names = [key.done(jobId), key.registry, key.outcomes, key.gate(webhookId), key.busy(webhookId), key.lane(lane ?? '')]
      const told = entries.map(encodeOutcome)
      const asked = [version, jobId, limits.cap, limits.rate, leaseMs, lane ? laneMember(job) : '', ...told.map(([, text]) => text)]
      const count = names.length + wanted.length
      const [kind, ...values] = await scripted.tidingsBegin(count, ...names, ...wanted.map(key.event), ...asked)
      if (kind === 'stale') return { kind, version: values[0] ?? '0' }
      if (kind === 'done') return { kind, free: values[0] ? [values[0]] : [] }
      if (kind !== 'begun') return { kind: kind as 'full' | 'closed' | 'behind' }
      for (const fields of told) retell.keep({ fields })
      return { kind, events: wanted.map((_, i) => (values[i] ? decodeEvent(values[i]) : undefined)) }
    },
    async finish(input) {
      for (const entry of input.entries) {
        retell.keep({ fields: encodeOutcome(entry), done: input.done ? input.job.jobId : undefined })
      }
      for (;;) {
        try {
          return await write(input)
        } catch (error) {
          log.warn({ err: error, jobId: input.job.jobId }, 'outcome not recorded yet, will be repeated')
          await new Promise((resolve) => setTimeout(resolve, pauseMs))
        }
      }
    },
  }
}
