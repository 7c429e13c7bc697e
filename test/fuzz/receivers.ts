import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { LookupFunction } from 'node:net'
import { fileURLToPath } from 'node:url'
import { decide } from '../../services/dispatcher/decide.ts'
import { createAddressPolicy } from '../../shared/http/address-policy.ts'
import { createSender, responseBytes, type Sender } from '../../shared/http/send.ts'
import type { SendResult } from '../../shared/contracts/delivery.ts'
import { misidentified, uncivil } from '../support/hostile-tls.ts'
import { well } from '../support/hostile.ts'
import { expectations, unresolvable, type Expected, type Name } from './expectations.ts'
import { collected } from './memory.ts'
import type { Healed, Order, Ready, Started } from './receivers-host.ts'

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
  /** Deliveries to a healthy receiver beside them, or to the same one once it was healed, that did not succeed. */
  disturbed: number
  longestHealthyMs: number
  heapGrowthMiB: number
  rssGrowthMiB: number
  findings: string[]
}
type Options = { times: number; deadlineMs: number; lateMs: number /** All, when left out. */; only?: Name[] }

/** As many at once as a dispatcher makes. */
const together = 50
const mebibyte = 1_048_576
const most = { heapMiB: 5, rssMiB: 20 }

/** X3: many deliveries to each receiver that breaks the rules, by one sender, which has others to deliver to. */
export async function fuzzReceivers(options: Options): Promise<ReceiverReport> {
  const names = options.only ?? (Object.keys(expectations) as Name[])
  const host = fork(fileURLToPath(new URL('./receivers-host.js', import.meta.url)), { execArgv: [] })
  const { healthy, ca } = (await answerOf(host)) as Ready
  const sender = createSender(createAddressPolicy({ allow: ['127.0.0.0/8'] }), { connectionsPerOrigin: together, lookup, ca })
  const report: ReceiverReport = {
    ok: true,
    behaviours: names.length,
    times: options.times,
    deliveries: 0,
    wrong: 0,
    late: 0,
    longestOverrunMs: 0,
    disturbed: 0,
    longestHealthyMs: 0,
    heapGrowthMiB: 0,
    rssGrowthMiB: 0,
    findings: [],
  }
  const round = async (times: number) => {
    for (const name of names) await face(name, { host, healthy, sender, report }, { ...options, times })
  }
  try {
    // the first half compiles the code and fills what is kept
    const half = Math.floor(options.times / 2)
    if (half > 0) await round(half)
    const before = collected()
    await round(options.times - half)
    const after = collected()
    report.heapGrowthMiB = rounded((after.heapBytes - before.heapBytes) / mebibyte)
    report.rssGrowthMiB = rounded((after.rssBytes - before.rssBytes) / mebibyte)
  } finally {
    await sender.close()
    if (host.connected) host.disconnect()
  }
  const isSmall = report.heapGrowthMiB <= most.heapMiB && report.rssGrowthMiB <= most.rssMiB
  return { ...report, ok: report.wrong + report.late + report.disturbed === 0 && isSmall }
}

const rounded = (value: number) => Math.round(value * 100) / 100

type Scene = { host: ChildProcess; healthy: string; sender: Sender; report: ReceiverReport }

/** One receiver: many deliveries while it is hostile, others beside them, and one when it has come to its senses. */
async function face(name: Name, { host, healthy, sender, report }: Scene, { times, deadlineMs, lateMs }: Options): Promise<void> {
  const expected = expectations[name]
  const find = (what: string) => void (report.findings.length < 20 && report.findings.push(`${name}: ${what}`))
  const nowhere = name in unresolvable ? unresolvable[name as keyof typeof unresolvable].host : undefined
  const url = nowhere ? `http://${nowhere}/` : (await command<Started>(host, { do: 'start', name })).url
  const deliver = (to: string) =>
    sender.send({ url: to, headers: { 'content-type': 'application/json' }, body: Buffer.from('{}'), timeoutMs: deadlineMs })
  const beside = async (to: string) => {
    const result = await deliver(to)
    report.longestHealthyMs = Math.max(report.longestHealthyMs, Math.round(result.timings.endMs))
    if (result.outcome === 'succeeded' && result.responseBody === well) return
    report.disturbed++
    find(`${to === url ? 'the next delivery' : 'another receiver'}: ${result.outcome} ${result.error ?? result.responseBody ?? ''}`)
  }
  const atOnce = expected.together ?? together
  for (let sent = 0; sent < times; sent += atOnce) {
    const batch = Promise.all(Array.from({ length: Math.min(atOnce, times - sent) }, () => deliver(url)))
    await beside(healthy)
    for (const result of await batch) {
      report.deliveries++
      const wrong = judge(name, expected, result)
      if (wrong) {
        report.wrong++
        find(wrong)
      }
      const overrun = result.timings.endMs - deadlineMs
      report.longestOverrunMs = Math.max(report.longestOverrunMs, Math.round(overrun))
      if (overrun > lateMs) report.late++
    }
  }
  if (nowhere) return
  const { requests } = await command<Healed>(host, { do: 'heal' })
  if ((name in misidentified || name in uncivil) && requests > 0) {
    report.wrong++
    find(`${requests} requests were made to who is not who it says`)
  }
  await beside(url)
  await command(host, { do: 'stop' })
}

function judge(name: Name, expected: Expected, result: SendResult): string | undefined {
  const { outcome, state, statusCode, error = '', delayMs = 1_000 } = expected
  const decided = decide({
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
    (result.error ?? '').startsWith(error) &&
    decided.state === state &&
    (state !== 'retrying' || decided.delayMs === delayMs) &&
    (result.responseBody?.length ?? 0) <= responseBytes &&
    (name !== 'answersTwice' || result.responseBody === 'own')
  return isRight
    ? undefined
    : `${result.outcome} ${result.statusCode ?? ''} ${result.error ?? ''}, then ${decided.state} after ${decided.delayMs ?? '-'} ms`
}

/** All names are this machine's, but those that are nobody's. */
const lookup: LookupFunction = (name, options, callback) => {
  const known = Object.values(unresolvable).find(({ host }) => host === name)
  if (!known) return callback(null, options.all ? [{ address: '127.0.0.1', family: 4 }] : '127.0.0.1', 4)
  if (known.code) callback(Object.assign(new Error(known.code), { code: known.code }), '', 0)
}

async function answerOf(host: ChildProcess): Promise<unknown> {
  const heard = new AbortController()
  try {
    const gone = once(host, 'exit', { signal: heard.signal }).then(([code]) => {
      throw new Error(`the receivers have ended with ${code}`)
    })
    return await Promise.race([once(host, 'message', { signal: heard.signal }).then(([message]) => message as unknown), gone])
  } finally {
    heard.abort()
  }
}
async function command<T>(host: ChildProcess, order: Order): Promise<T> {
  host.send(order)
  return (await answerOf(host)) as T
}
