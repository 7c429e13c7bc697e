import type { Envelope } from '../../../shared/contracts/event.ts'
import type { Subscription, SubscriptionFilters } from '../../../shared/contracts/subscription.ts'
import { createMatcher, type Matcher } from '../../../shared/matcher.ts'
import { nowUs, quantile } from '../clock.ts'
import { row, type Row } from '../row.ts'
import type { Scale } from './with.ts'

const most = 10

/** Matching alone, as the relay calls it: how much a hundred times as many subscriptions cost an event. */
export function match({ quick, say }: Scale): Promise<Row[]> {
  const events = quick ? 10_000 : 50_000
  const [few, many] = [set(1_000), set(100_000)]
  // both are warm before either is measured, and they take turns
  for (const one of [few, many, few, many]) measure(one, 2_000)
  const times: [number[], number[]] = [[], []]
  let matched = 0
  for (let round = 0; round < 10; round++) {
    for (const [n, one] of [few, many].entries()) {
      const found = measure(one, events / 10)
      times[n]?.push(...found.times)
      matched = Math.max(matched, found.matched)
    }
  }
  if (matched > most) throw new Error(`an event matched ${matched} subscriptions, more than ${most}`)
  say(`built in ${many.builtMs.toFixed(0)} ms; at most ${matched} matched`)
  const [small, large] = times
  const notes = `100,000 subscriptions are laid out in ${many.builtMs.toFixed(0)} ms; an event matches ${matched} at most`
  const p99 = { name: 'match', what: 'an event against 100,000 subscriptions, p99', unit: 'µs', goal: { of: 'value', most: 100 } } as const
  const mean = {
    name: 'match',
    what: 'the same on average, to 1,000',
    unit: 'µs',
    peerName: 'with 1,000',
    goal: { of: 'ratio', most: 2 },
  } as const
  return Promise.resolve([
    row({ ...p99, value: quantile(large, 0.99), notes }),
    row({ ...mean, value: average(large), peer: average(small) }),
  ])
}

const average = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

type Set = { matcher: Matcher; size: number; builtMs: number; next: number }

function set(size: number): Set {
  const subscriptions = Array.from({ length: size }, (_, n) => subscription(n))
  const startedAt = nowUs()
  const matcher = createMatcher(1, subscriptions)
  return { matcher, size, builtMs: (nowUs() - startedAt) / 1000, next: 0 }
}

function measure(one: Set, events: number): { times: number[]; matched: number } {
  const times: number[] = []
  let matched = 0
  for (let n = 0; n < events; n++) {
    const event = envelope((one.next += 7_919), one.size)
    const startedAt = performance.now()
    const webhooks = one.matcher.match(event)
    times.push((performance.now() - startedAt) * 1000)
    matched = Math.max(matched, webhooks.size)
  }
  return { times, matched }
}

/**
 * Every kind of pattern and filter, in turn. A catalog with a hundred times the subscriptions has a hundred times the
 * tables, domains and owners: names repeat so that an event is wanted by a handful, whatever the size.
 */
const kinds: ((n: number) => { eventType: string; filters: SubscriptionFilters })[] = [
  (n) => ({ eventType: `custom.kind${n}.updated`, filters: {} }),
  (n) => ({ eventType: `custom.kind${n}.*`, filters: { entity_types: ['table', 'view'] } }),
  (n) => ({ eventType: '*', filters: { names: [`warehouse.schema${n}.orders`] } }),
  (n) => ({ eventType: '*.updated', filters: { names: [`warehouse.schema${n}.*`] } }),
  (n) => ({ eventType: 'table.*', filters: { names: [`*.schema${n}.ord*s`], sources: ['catalog', 'api'] } }),
  (n) => ({ eventType: 'table.updated', filters: { names: [`ware????e.schema${n}.o*`] } }),
  (n) => ({ eventType: '*', filters: { names: [`*chema${n}.or*`] } }),
  (n) => ({ eventType: '*', filters: { domains: [`domain-${n}`] } }),
  (n) => ({ eventType: 'table.*', filters: { owners: [`team-${n}`, `deputy-${n}`], sources: ['api'] } }),
  (n) => ({ eventType: '*.updated', filters: { tags: [`Glossary.term${n}`], entity_types: ['table'] } }),
  (n) => ({ eventType: '*', filters: { open_metadata: { entities: ['table'], include: [`domain:domain-${n}`, 'description'] } } }),
]

function subscription(n: number): Subscription {
  const kind = kinds[n % kinds.length] as (typeof kinds)[number]
  const own = Math.floor(n / kinds.length)
  return { id: `subscription-${n}`, organizationId: 'default', webhookId: `webhook-${n}`, createdAt: 0, deletedAt: null, ...kind(own) }
}

const nameCount = (size: number) => Math.floor(size / kinds.length)

function envelope(seed: number, size: number): Envelope {
  const n = seed % nameCount(size)
  return {
    id: `event-${seed}`,
    organizationId: 'default',
    source: 'api',
    type: seed % 3 === 0 ? `custom.kind${n}.updated` : 'table.updated',
    time: '2026-04-15T09:00:03Z',
    entity: {
      type: 'table',
      id: String(n),
      name: `warehouse.schema${n}.orders`,
      domain: `domain-${n}`,
      owners: [`team-${n}`, 'team-sales'],
      tags: [`Glossary.term${n}`, 'PII.Sensitive'],
    },
    change: { updated: [{ name: 'columns.zip.description', old_value: 'zip', new_value: 'Postal code' }] },
  }
}
