import type { OutcomeEntry } from '../../shared/contracts/delivery.ts'
import type { Event } from '../../shared/contracts/event.ts'
import { gather } from '../../shared/gather.ts'
import type { Logger } from '../../shared/logger.ts'
import type { Redis } from '../../shared/redis.ts'
import { decodeEvent, doneSeconds, keys, laneMember } from '../../shared/transport.ts'
import type { Verdict } from './decide.ts'
import type { Retell } from './retell.ts'
import { begin as beginScript, finish as finishScript, hold as holdScript } from './scripts.ts'

type Started = Extract<OutcomeEntry, { kind: 'started' }>
type Held = Extract<OutcomeEntry, { kind: 'held' }>

/** The job whose attempt it is, as far as Redis needs to know it. */
export type Attempted = { jobId: string; webhookId: string; eventId: string; batchId?: string | undefined; lane?: string | undefined }
/** What a webhook allows: requests under way at once, and a second (0: no limit); and how long one counts as under way, should its process die. */
export type Limits = { cap: number; rate: number; leaseMs: number }

/**
 * What Redis said when an attempt was about to begin. `stale`: the registry moved on. `full`: as many requests are under
 * way as may be, or those that are do not come back. `closed`: the breaker or the rate limit keeps it away. `behind`: an
 * earlier event of its lane is not done. Of all these but the first, nothing was begun.
 */
export type Begun =
  | { kind: 'begun'; events: (Event | undefined)[] }
  | { kind: 'done'; free: string[] }
  | { kind: 'full' }
  | { kind: 'closed' }
  | { kind: 'behind' }
  | { kind: 'stale' }

export type BeginInput = {
  job: Attempted
  /** Events that this process does not hold yet. */
  wanted: string[]
  version: string
  /** None: only look. */
  entries: Started[]
  limits: Limits
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
  /** The registry's version as Redis told it last. A webhook read from SQL from now on is of this version, or a later one. */
  registry(): string
  /** One round trip: is the job done, is the webhook's copy fresh, may a request go now, the events, and the mark that an attempt starts. */
  begin(input: BeginInput): Promise<Begun>
  /** Repeats until Redis has it: an answer that was received must not be forgotten. */
  finish(input: FinishInput): Reported
  /** Where enough jobs are parked for the webhook: tells that this one waits in SQL. Otherwise it does nothing and says so. */
  hold(job: Attempted, entries: Held[]): Promise<boolean>
}

/**
 * An end on its way to Redis. Once it is `sent`, what the queue does with the job may follow at once: both go over one
 * connection, so that Redis knows of the end first, and neither waits for the answer to the other.
 */
export type Reported = {
  sent: Promise<void>
  /** Jobs that may run now, when Redis has it. */
  freed: Promise<string[]>
}

/** When a breaker opens, and for how long; 0 failures: never. */
export type BreakerSettings = { breakerFailures: number; breakerOpenMs: number }
const openMaxMs = 300_000
const pauseMs = 250
/** Jobs parked for one webhook that does not thrive; those that come after them are held. */
const parkedMost = 1_000
/** Attempts of one call: Redis does nothing else in the meantime. */
const together = 100

type Told = { texts: string[] }
type BeginAnswer = [kind: 'done', free: string[]] | [kind: 'stale', version: string] | 'begun' | 'full' | 'closed' | 'behind'
type FinishAnswer = [index: number, freed: string[]]
type Scripted = Redis & {
  tidingsBegin(base: string, ...args: (string | number)[]): Promise<[events: (string | null)[], ...answers: BeginAnswer[]]>
  tidingsFinish(base: string, ...args: (string | number)[]): Promise<FinishAnswer[]>
  tidingsHold(...args: (string | number)[]): Promise<number>
}

export function openReport(
  redis: Redis,
  prefix: string,
  retell: Pick<Retell, 'keep' | 'unsure'>,
  breaker: BreakerSettings,
  log: Logger,
): Report {
  redis.defineCommand('tidingsBegin', { numberOfKeys: 1, lua: beginScript })
  redis.defineCommand('tidingsFinish', { numberOfKeys: 1, lua: finishScript })
  redis.defineCommand('tidingsHold', { numberOfKeys: 5, lua: holdScript })
  const scripted = redis as Scripted
  const key = keys(prefix)
  const rules = [doneSeconds, breaker.breakerFailures, breaker.breakerOpenMs, openMaxMs]

  let registry = '0'

  const beginOne = gather(async (inputs: (BeginInput & Told)[]): Promise<Begun[]> => {
    // of one event that goes to many, its body comes over once
    const wanted = [...new Set(inputs.flatMap((input) => input.wanted))]
    const asks = inputs.map(({ job, version, limits: { cap, rate, leaseMs } }) => {
      const [lane, member] = job.lane ? [job.lane, laneMember(job)] : ['', '']
      return [version, job.jobId, job.webhookId, cap, rate, leaseMs, lane, member]
    })
    const entries = inputs.map(({ texts }) => texts.join())
    const [found, ...answers] = await scripted.tidingsBegin(prefix, JSON.stringify(asks), ...entries, ...wanted.map(key.event))
    const events = new Map(wanted.map((id, i) => [id, found[i] ? decodeEvent(found[i]) : undefined]))
    // all of one call are told the same
    for (const answer of answers) if (answer[0] === 'stale') registry = answer[1]
    return inputs.map((input, i) => begunOf(answers[i] as BeginAnswer, input.wanted, events))
  }, together)

  const finishOne = gather(async (inputs: (FinishInput & Told)[]): Promise<string[][]> => {
    const ends = inputs.map(({ job, done, ended, verdict: { kind, closedMs = 0 }, limits: { cap, rate, leaseMs } }) => {
      const [lane, member] = job.lane ? [job.lane, ended ? laneMember(job) : ''] : ['', '']
      return [job.webhookId, job.jobId, kind, done, cap, rate, leaseMs, closedMs, lane, member]
    })
    const entries = inputs.flatMap(({ texts }) => texts)
    const told = entries.length > 0 ? `[${entries.join()}]` : ''
    const freed = new Map(await scripted.tidingsFinish(prefix, ...rules, JSON.stringify(ends), told))
    return inputs.map((_, i) => freed.get(i) ?? [])
  }, together)

  async function finishAgain(input: FinishInput & Told, error: unknown): Promise<string[]> {
    for (let err = error; ; ) {
      log.warn({ err, jobId: input.job.jobId }, 'outcome not recorded yet, will be repeated')
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
      try {
        return await finishOne(input).output
      } catch (next) {
        err = next
      }
    }
  }

  return {
    registry: () => registry,
    async begin(input) {
      const texts = input.entries.map((entry) => JSON.stringify(entry))
      const unsure = retell.unsure()
      if (unsure) await unsure
      const begun = await beginOne({ texts, ...input }).output
      if (begun.kind === 'begun') for (const text of texts) retell.keep({ text })
      return begun
    },
    finish(input) {
      const texts = input.entries.map((entry) => JSON.stringify(entry))
      for (const text of texts) retell.keep({ text, done: input.done ? input.job.jobId : undefined })
      const { sent, output } = finishOne({ texts, ...input })
      return { sent, freed: output.catch((error: unknown) => finishAgain({ texts, ...input }, error)) }
    },
    async hold({ jobId, webhookId }, entries) {
      const places = [key.gate(webhookId), key.busy(webhookId), key.out(webhookId), key.parked(webhookId), key.outcomes]
      return (await scripted.tidingsHold(...places, parkedMost, jobId, JSON.stringify(entries))) === 1
    },
  }
}

function begunOf(answer: BeginAnswer, wanted: string[], events: Map<string, Event | undefined>): Begun {
  if (answer === 'begun') return { kind: 'begun', events: wanted.map((id) => events.get(id)) }
  if (typeof answer === 'string') return { kind: answer }
  return answer[0] === 'stale' ? { kind: 'stale' } : { kind: 'done', free: answer[1] }
}
