import type { Case } from './cases.ts'
import type { Memory } from './memory.ts'
import type { Exchange, Reply } from './wire.ts'

/** What was counted, and what should not have been. */
export type Tally = {
  requests: number
  /** By status; `closed` without an answer, `unanswered` in the time that it had. */
  answers: Record<string, number>
  kinds: Record<string, number>
  accepted: number
  compared: number
  /** What was found stored under each id when it was first looked at, as its SHA-256: it never changes. */
  stored: Map<string, string>
  misses: Miss[]
  missed: Record<string, number>
}
export type Miss = { what: string; request: number; kind: string; route: string; status?: number; sent: string; answer?: string }

export const createTally = (): Tally => ({
  requests: 0,
  answers: {},
  kinds: {},
  accepted: 0,
  compared: 0,
  stored: new Map(),
  misses: [],
  missed: {},
})

const shown = 20
export function miss(tally: Tally, what: string, request: number, one: Case, reply?: Reply): void {
  tally.missed[what] = (tally.missed[what] ?? 0) + 1
  if (tally.misses.length >= shown) return
  const { kind, route } = one
  const answer = reply && { status: reply.status, answer: reply.body.toString('utf8', 0, 300) }
  tally.misses.push({ what, request, kind, route, sent: one.bytes.toString('latin1', 0, 600), ...answer })
}

/** Counts one exchange, and judges it by itself. */
export function judge(tally: Tally, request: number, one: Case, { replies, closed }: Exchange): void {
  const count = (counts: Record<string, number>, name: string) => void (counts[name] = (counts[name] ?? 0) + 1)
  tally.requests++
  count(tally.kinds, one.kind)
  const [reply] = replies
  count(tally.answers, reply ? String(reply.status) : closed ? 'closed' : 'unanswered')
  for (const each of replies) if (each.status >= 500) miss(tally, '5xx', request, one, each)
  if (!reply) {
    if (!closed && !one.incomplete) miss(tally, 'no answer', request, one)
    return
  }
  if (one.refuse && reply.status < 400) miss(tally, 'let in', request, one, reply)
  // what is refused before its body was read may be found to be badly framed after that
  const second = replies.slice(1).find(({ status }) => status !== 400)
  if (second && !one.incomplete) miss(tally, 'two answers to one request', request, one, second)
  if (!one.isHead && /json/.test(reply.headers['content-type'] ?? '') && !isJson(reply.body))
    miss(tally, 'an answer that is no JSON', request, one, reply)
}

function isJson(body: Buffer): boolean {
  try {
    JSON.parse(body.toString())
    return true
  } catch {
    return false
  }
}

export type Report = {
  ok: boolean
  seed: number
  requests: number
  seconds: number
  answers: Record<string, number>
  /** The seven figures that are to be 0, or small. */
  fiveHundreds: number
  crashes: number
  complaints: string[]
  heapGrowthMiB: number
  rssMiB: number
  accepted: number
  compared: number
  missed: Record<string, number>
  misses: Miss[]
  tricks: number
}

const mebibyte = 1_048_576
export const mostGrowth = 5 * mebibyte

export function reportOf(
  tally: Tally,
  more: { seed: number; seconds: number; alive: boolean; complaints: string[]; before: Memory; after: Memory | undefined },
): Report {
  const growth = more.after ? more.after.heapBytes - more.before.heapBytes : Number.NaN
  const rounded = (bytes: number) => Math.round((bytes / mebibyte) * 100) / 100
  return {
    ok:
      Object.keys(tally.missed).length === 0 &&
      more.alive &&
      more.complaints.length === 0 &&
      growth <= mostGrowth &&
      tally.compared > 0 &&
      tally.compared === tally.accepted,
    seed: more.seed,
    requests: tally.requests,
    seconds: Math.round(more.seconds * 10) / 10,
    answers: tally.answers,
    fiveHundreds: tally.missed['5xx'] ?? 0,
    crashes: more.alive ? 0 : 1,
    complaints: more.complaints.slice(0, shown),
    heapGrowthMiB: rounded(growth),
    rssMiB: rounded(more.after?.rssBytes ?? Number.NaN),
    accepted: tally.accepted,
    compared: tally.compared,
    missed: tally.missed,
    misses: tally.misses,
    tricks: Object.keys(tally.kinds).length,
  }
}
