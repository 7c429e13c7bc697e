import { LRUCache } from 'lru-cache'
import type { Health, Stats } from '../../shared/contracts/api/stats.ts'
import type { StatusDeps } from './deps.ts'
import { iso, isoOrNull } from './shape.ts'

type Deps = Pick<StatusDeps, 'storage' | 'clock'>
type Minute = Awaited<ReturnType<StatusDeps['storage']['stats']['minutes']>>[number]

const minuteMs = 60_000
/** An attempt begun in a minute may be recorded later than it: timeout, and what the recorder is behind. */
const settledMs = 3 * minuteMs
const maxMinutes = 1_440
/** Figures are for looking: beyond this it does not matter how many. */
const upTo = 10_001
const sample = 2_000
const stretches = 48

export type StatsReader = {
  overview(organizationId: string, minutes: number): Promise<Stats>
  health(organizationId: string, hours: number): Promise<Health>
}

/** Minutes that are over never change, so that only the last ones are counted again and again. */
export function createStatsReader({ storage, clock }: Deps): StatsReader {
  const settled = new LRUCache<string, Map<number, Minute>>({ max: 200 })
  const healths = new LRUCache<string, Promise<Health>>({ max: 500, ttl: 10_000 })

  async function minutesOf(organizationId: string, from: number, to: number): Promise<Minute[]> {
    const known = settled.get(organizationId) ?? new Map<number, Minute>()
    settled.set(organizationId, known)
    let first = from
    while (known.has(first)) first += minuteMs
    const found = new Map((await storage.stats.minutes(organizationId, first, to)).map((one) => [one.minute, one]))
    const all: Minute[] = []
    for (let minute = from; minute < to; minute += minuteMs) {
      const one = (minute < first ? known.get(minute) : found.get(minute)) ?? { minute, accepted: 0, succeeded: 0, failed: 0 }
      if (minute + minuteMs <= to - settledMs) known.set(minute, one)
      all.push(one)
    }
    for (const minute of known.keys()) if (minute < to - maxMinutes * minuteMs) known.delete(minute)
    return all
  }

  async function overview(organizationId: string, count: number): Promise<Stats> {
    const to = clock.now()
    const from = (Math.floor(to / minuteMs) - count + 1) * minuteMs
    const [minutes, latencies, backlog] = await Promise.all([
      // what comes within this very millisecond counts too
      minutesOf(organizationId, from, to + 1),
      storage.stats.latencies(organizationId, from, sample),
      storage.stats.backlog(organizationId, to, upTo),
    ])
    const [succeeded, failed] = [sum(minutes, 'succeeded'), sum(minutes, 'failed')]
    const sorted = latencies.sort((a, b) => a - b)
    return {
      from: iso(from),
      to: iso(to),
      minutes: minutes.map(({ minute, ...counts }) => ({ at: iso(minute), ...counts })),
      success_rate: succeeded + failed === 0 ? null : succeeded / (succeeded + failed),
      latency: sorted.length === 0 ? null : { p50_ms: quantile(sorted, 0.5), p99_ms: quantile(sorted, 0.99), deliveries: sorted.length },
      backlog: {
        pending: backlog.pending,
        retrying: backlog.retrying,
        due: backlog.due,
        oldest_accepted_at: isoOrNull(backlog.oldestAcceptedAt),
        limit: upTo,
      },
    }
  }

  async function readHealth(organizationId: string, hours: number): Promise<Health> {
    const stretchMs = (hours * 60 * minuteMs) / stretches
    const from = (Math.floor(clock.now() / stretchMs) - stretches + 1) * stretchMs
    const webhooks = new Map<string, Health['webhooks'][number]['stretches']>()
    for (const { webhookId, at, succeeded, failed } of await storage.stats.health(organizationId, from, stretchMs)) {
      const known = webhooks.get(webhookId) ?? []
      known.push({ at: iso(at), succeeded, failed })
      webhooks.set(webhookId, known)
    }
    return {
      stretch_ms: stretchMs,
      from: iso(from),
      webhooks: [...webhooks].map(([webhook_id, list]) => ({ webhook_id, stretches: list })),
    }
  }

  function health(organizationId: string, hours: number): Promise<Health> {
    const key = `${organizationId} ${hours}`
    const known = healths.get(key)
    if (known) return known
    const reading = readHealth(organizationId, hours)
    healths.set(key, reading)
    reading.catch(() => healths.delete(key))
    return reading
  }
  return { overview, health }
}

const sum = (minutes: Minute[], member: 'succeeded' | 'failed') => minutes.reduce((total, minute) => total + minute[member], 0)
const quantile = (sorted: number[], share: number) => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0
