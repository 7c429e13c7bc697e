import type { Clock } from '../../shared/clock.ts'
import { atMostEvery, tellDependencies, type Metrics, type Reading } from '../../shared/metrics.ts'
import type { DeliveryQueue } from '../../shared/queue.ts'
import { askRedis, type Redis } from '../../shared/redis.ts'
import type { Shards } from '../../shared/shards.ts'
import type { Storage } from '../../shared/storage/storage.ts'
import { keys } from '../../shared/transport.ts'
import { auditLedger } from './balance.ts'

type StandingShard = { prefix: string; queue: Pick<DeliveryQueue, 'prometheus' | 'oldest'> }
export type StandingDeps = {
  metrics: Metrics
  storage: Pick<Storage, 'deliveries' | 'events' | 'health' | 'keys' | 'ledger'>
  redis: Redis
  shards: Shards<StandingShard>
  clock: Clock
  ready(): Promise<Record<string, string>>
}

/** However many ask, and however often. */
const everyMs = 5_000
/** Webhooks whose parked jobs or breakers are counted; beyond this the number says "at least". */
const mostWebhooks = 2_000

/**
 * How everything stands: what it costs to find out is the same for a backlog of ten and of ten million. Told by status
 * alone; where there are several, each tells the same.
 */
export function tellStanding(deps: StandingDeps): void {
  const { metrics, shards, redis, ready } = deps
  tellDependencies(metrics, async () => ({ ...(await ready()), redis: await askRedis(redis) }))
  metrics.foreign((labels) => jobsOf(shards, labels))
  tellAges(deps)
  tellParked(deps)
  tellOutcomes(deps)
  tellBalance(deps)
}

/** One family of figures, so that what explains it stands once; where there are several shards, each line names its own. */
async function jobsOf({ all }: Shards<StandingShard>, labels: Record<string, string>): Promise<string> {
  const texts = await Promise.all(all.map(({ queue }, i) => queue.prometheus(all.length === 1 ? labels : { ...labels, shard: String(i) })))
  return texts.map((text, i) => (i === 0 ? text.trimEnd() : text.replace(/^#.*\n?/gm, '').trim())).join('\n')
}

function tellAges({ metrics, shards, storage, clock }: StandingDeps): void {
  const age = (since: number | null | undefined): number =>
    since === null || since === undefined ? 0 : Math.max(0, clock.now() - since) / 1_000
  const inQueue = atMostEvery(everyMs, async () => {
    const each = await Promise.all(shards.all.map(({ queue }) => queue.oldest()))
    return { waiting: earliest(each.map(({ waiting }) => waiting)), prioritized: earliest(each.map(({ prioritized }) => prioritized)) }
  })
  metrics.gauge('tidings_queue_oldest_seconds', 'Age of the job that is next in line; 0 where nobody waits.', ['state'], async () =>
    Object.entries(await inQueue()).map(([state, madeAt]) => ({ value: age(madeAt), labels: { state } })),
  )
  const first = atMostEvery(everyMs, async () => {
    const [[due], [event]] = await Promise.all([storage.deliveries.dueBefore(clock.now(), 1), storage.events.notFannedOut(clock.now(), 1)])
    return { due: due?.nextAttemptAt, fanOut: event?.receivedAt }
  })
  metrics.gauge(
    'tidings_due_oldest_seconds',
    'How long the delivery has been due that is due longest, parked ones included.',
    [],
    async () => [{ value: age((await first()).due) }],
  )
  metrics.gauge('tidings_fan_out_oldest_seconds', 'How long the event waits that waits longest to be matched.', [], async () => [
    { value: age((await first()).fanOut) },
  ])
}

function earliest(times: (number | null)[]): number | null {
  const known = times.filter((time) => time !== null)
  return known.length > 0 ? Math.min(...known) : null
}

function tellParked({ metrics, redis, shards, storage }: StandingDeps): void {
  const keyOf = (webhookId: string) => keys(shards.of(webhookId).prefix)
  const parked = atMostEvery(everyMs, async () => {
    const listed = await Promise.all(shards.all.map(({ prefix }) => redis.zrange(keys(prefix).parking, '0', String(mostWebhooks - 1))))
    const webhooks = listed.flat()
    const counts = await Promise.all(webhooks.map((id) => redis.zcard(keyOf(id).parked(id))))
    return { webhooks: webhooks.length, jobs: counts.reduce((sum, count) => sum + count, 0) }
  })
  metrics.gauge('tidings_parked_jobs', 'Jobs put aside until their webhook can take them.', [], async () => [
    { value: (await parked()).jobs },
  ])
  metrics.gauge('tidings_parked_webhooks', 'Webhooks for which jobs are put aside.', [], async () => [{ value: (await parked()).webhooks }])

  const breakers = atMostEvery(everyMs, async () => {
    const failing = (await storage.health.failing()).slice(0, mostWebhooks)
    const [seconds] = await redis.time()
    const open = await Promise.all(failing.map(({ id }) => redis.hget(keyOf(id).gate(id), 'open')))
    return countBreakers(open, Number(seconds) * 1_000)
  })
  metrics.gauge(
    'tidings_breakers',
    'Webhooks that have failed since they last succeeded, by their breaker: open, nothing is sent; probing, one request may try; closed.',
    ['state'],
    breakers,
  )
}

function countBreakers(openUntil: (string | null)[], now: number): Reading[] {
  const counts = { open: 0, probing: 0, closed: 0 }
  for (const until of openUntil) counts[until === null ? 'closed' : Number(until) > now ? 'open' : 'probing']++
  return Object.entries(counts).map(([state, value]) => ({ value, labels: { state } }))
}

function tellOutcomes({ metrics, redis, shards, clock }: StandingDeps): void {
  const look = async (outcomes: string) => {
    const [length, [oldest], refused] = await Promise.all([
      redis.xlen(outcomes),
      redis.xrange(outcomes, '-', '+', 'COUNT', 1),
      redis.xlen(`${outcomes}:refused`),
    ])
    return { length, refused, lagMs: oldest === undefined ? 0 : Math.max(0, clock.now() - Number(oldest[0].split('-')[0])) }
  }
  const stream = atMostEvery(everyMs, async () => {
    const each = await Promise.all(shards.all.map(({ prefix }) => look(keys(prefix).outcomes)))
    const sum = (of: (one: (typeof each)[number]) => number) => each.reduce((total, one) => total + of(one), 0)
    return { length: sum((one) => one.length), refused: sum((one) => one.refused), lagMs: Math.max(...each.map((one) => one.lagMs)) }
  })
  metrics.gauge('tidings_outcomes_waiting', 'Outcomes in the stream that the log does not have yet.', [], async () => [
    { value: (await stream()).length },
  ])
  metrics.gauge('tidings_outcomes_lag_seconds', 'Age of the oldest of them.', [], async () => [{ value: (await stream()).lagMs / 1_000 }])
  metrics.gauge('tidings_outcomes_refused', 'Outcomes that the log would not take, kept aside for a person.', [], async () => [
    { value: (await stream()).refused },
  ])
}

function tellBalance({ metrics, storage, clock }: StandingDeps): void {
  const balance = atMostEvery(everyMs, auditLedger({ storage, clock }))
  metrics.gauge(
    'tidings_ledger_unaccounted_events',
    'Accepted events minus those that are accounted for, of the last ten minutes. Anything but 0 is a fault.',
    [],
    async () => [{ value: (await balance()).unaccounted }],
  )
  metrics.gauge('tidings_ledger_audited_events', 'Accepted events of the last ten minutes that were looked at.', [], async () => [
    { value: (await balance()).accepted },
  ])
}
