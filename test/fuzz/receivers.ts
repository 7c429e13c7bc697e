import { decide } from '../../services/dispatcher/decide.ts'
import { createAddressPolicy } from '../../shared/http/address-policy.ts'
import { createSender, responseBytes, type Sender } from '../../shared/http/send.ts'
import type { SendResult } from '../../shared/contracts/delivery.ts'
import { hostile, startHostile } from '../support/hostile.ts'

type Behaviour = keyof typeof hostile
type Expected = { outcome: SendResult['outcome']; state: 'succeeded' | 'retrying' | 'cancelled'; statusCode?: number }
const succeeds = (statusCode = 200): Expected => ({ outcome: 'succeeded', state: 'succeeded', statusCode })
const refuses = (statusCode: number): Expected => ({ outcome: 'rejected', state: 'retrying', statusCode })
const [times, fails]: Expected[] = [
  { outcome: 'timed_out', state: 'retrying' },
  { outcome: 'unreachable', state: 'retrying' },
]

/** What each hostile receiver is to be taken for, and what is to follow. */
export const expectations = {
  silent: times,
  dripsHeaders: times,
  interimForEver: times,
  continueForEver: fails,
  dripsBody: succeeds(),
  dripsErrorBody: refuses(500),
  floods: succeeds(),
  sendsBomb: succeeds(),
  cutsBodyShort: succeeds(),
  cutsErrorBodyShort: refuses(503),
  closes: fails,
  resets: fails,
  talksSsh: fails,
  bloatsHeaders: fails,
  contradictsItself: fails,
  answersTwice: succeeds(),
  speaksHttp09: fails,
  talksGarbage: fails,
  floodsHeaders: fails,
  answersAndLeaves: succeeds(204),
  redirects: refuses(302),
  redirectsToItself: refuses(307),
  isGone: { outcome: 'rejected', state: 'cancelled', statusCode: 410 },
  asksForPatience: refuses(429),
  bloatsChunks: succeeds(),
  breaksChunks: succeeds(),
} as Record<Behaviour, Expected>

export type ReceiverReport = {
  ok: boolean
  behaviours: number
  times: number
  deliveries: number
  /** Judged otherwise than they should be. */
  wrong: number
  /** Ended later than half a second after their deadline. */
  late: number
  longestOverrunMs: number
  rssGrowthMiB: number
  findings: string[]
}

const together = 50
const mebibyte = 1_048_576
/** The receivers are in this process, too, and write as fast as they can. */
const mostGrowth = 100

/** X3: many deliveries to each receiver that breaks the rules. */
export async function fuzzReceivers(options: { times: number; deadlineMs: number; lateMs: number }): Promise<ReceiverReport> {
  const all = Object.entries(expectations) as [Behaviour, Expected][]
  const report: ReceiverReport = {
    ok: true,
    behaviours: all.length,
    times: options.times,
    deliveries: 0,
    wrong: 0,
    late: 0,
    longestOverrunMs: 0,
    rssGrowthMiB: 0,
    findings: [],
  }
  const sender = createSender(createAddressPolicy({ allow: ['127.0.0.0/8'] }), { connectionsPerOrigin: together })
  try {
    // the first round of all compiles the code and makes the bomb
    for (const [name] of all) await deliver(sender, name, { ...options, times: 1 }, () => {})
    const before = process.memoryUsage().rss
    for (const [name, expected] of all)
      await deliver(sender, name, options, (result) => {
        report.deliveries++
        const wrong = judge(name, expected, result)
        if (wrong) report.wrong++
        const overrun = result.timings.endMs - options.deadlineMs
        report.longestOverrunMs = Math.max(report.longestOverrunMs, Math.round(overrun))
        if (overrun > options.lateMs) report.late++
        if (wrong && report.findings.length < 20) report.findings.push(wrong)
      })
    report.rssGrowthMiB = Math.round((process.memoryUsage().rss - before) / mebibyte)
  } finally {
    await sender.close()
  }
  return { ...report, ok: report.wrong + report.late === 0 && report.rssGrowthMiB <= mostGrowth }
}

async function deliver(
  sender: Sender,
  name: Behaviour,
  { times, deadlineMs }: { times: number; deadlineMs: number },
  look: (result: SendResult) => void,
): Promise<void> {
  const receiver = await startHostile(hostile[name])
  try {
    for (let sent = 0; sent < times; sent += together) {
      const count = Math.min(together, times - sent)
      const outgoing = {
        url: receiver.url,
        headers: { 'content-type': 'application/json' },
        body: Buffer.from('{}'),
        timeoutMs: deadlineMs,
      }
      for (const result of await Promise.all(Array.from({ length: count }, () => sender.send(outgoing)))) look(result)
    }
  } finally {
    await receiver.stop()
  }
}

function judge(name: Behaviour, { outcome, state, statusCode }: Expected, result: SendResult): string | undefined {
  const { state: decided, delayMs } = decide({
    result,
    step: 1,
    attempts: 10,
    backoff: { type: 'exponential-jitter', delay: 1_000, maxDelay: 60_000, jitter: 0, honourRetryAfter: true },
    now: 0,
    random: 0,
  })
  const isRight =
    result.outcome === outcome &&
    result.statusCode === statusCode &&
    decided === state &&
    // what is no Retry-After delays nothing
    (state !== 'retrying' || delayMs === 1_000) &&
    (result.responseBody?.length ?? 0) <= responseBytes &&
    (name !== 'answersTwice' || result.responseBody === 'own')
  return isRight
    ? undefined
    : `${name}: ${result.outcome} ${result.statusCode ?? ''} ${result.error ?? ''}, then ${decided} after ${delayMs ?? '-'} ms`
}
