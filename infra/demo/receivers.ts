import type { RetryPolicy } from '../../shared/contracts/retry.ts'
import type { SubscriptionInput } from '../../shared/contracts/subscription.ts'
import { personalTags } from './catalog.ts'
import { hourMs } from './day.ts'
import type { Random } from './random.ts'
import type { readers, verifiers } from './verify.ts'
import type { Told } from './voice.ts'

/** How things stand when a request comes in. */
export type Situation = {
  /** Milliseconds of the played day. */
  at: number
  /** Whether the one that was gone has been mended. */
  mended: boolean
  random: Random
}
export type Answer = { status: number; headers?: Record<string, string>; afterMs: number } | 'hang'

/** Somebody who must react. `wants` says in code what `subscriptions` says to Tidings: the accounts hold one against the other. */
export type ReceiverPlan = {
  label: string
  note: string
  subscriptions: SubscriptionInput[]
  wants(told: Told): boolean
  scheme: keyof typeof verifiers
  format: keyof typeof readers
  retry: RetryPolicy
  timeoutMs: number
  answer(situation: Situation): Answer
}

const exponential = (attempts: number, base_seconds: number, max_seconds: number): RetryPolicy => ({
  strategy: 'exponential',
  attempts,
  base_seconds,
  max_seconds,
  jitter: 0.2,
  honour_retry_after: true,
})
const usual = { scheme: 'standard-webhooks', format: 'tidings', retry: exponential(10, 0.5, 5), timeoutMs: 10_000 } as const
const within =
  (least: number, most: number) =>
  ({ random }: Situation): Answer => ({ status: 204, afterMs: random.between(least, most) })
const isBelow = (prefix: string, { type }: Told) => type.startsWith(`${prefix}.`)

const personal = new Set<string>(personalTags)

/** Until here the flaky one is down: a third of the day. */
const upAgainAt = 8 * hourMs

export const receiverPlans: ReceiverPlan[] = [
  {
    ...usual,
    label: 'search index',
    note: 'every event, fast',
    subscriptions: [{ event_type: '*' }],
    wants: () => true,
    answer: within(0, 5),
  },
  {
    ...usual,
    label: 'quality alerts',
    note: 'tests that fail, or do so no longer',
    subscriptions: [{ event_type: 'test.failed' }, { event_type: 'test.recovered' }],
    wants: ({ type }) => type === 'test.failed' || type === 'test.recovered',
    answer: within(1, 20),
  },
  {
    ...usual,
    label: 'governance',
    note: 'tables with a PII tag; in the words of Ptolemy',
    // the second covers nothing that the first does not: still one delivery for each event
    subscriptions: [
      { event_type: '*', filters: { entity_types: ['table'], tags: [...personalTags] } },
      { event_type: 'table.tagged', filters: { entity_types: ['table'], tags: [...personalTags] } },
    ],
    wants: ({ entity }) => entity?.type === 'table' && (entity.tags ?? []).some((tag) => personal.has(tag)),
    scheme: 'ptolemy',
    format: 'ptolemy',
    answer: within(5, 40),
  },
  {
    ...usual,
    label: 'warehouse mirror',
    note: 'tables; slow: 300 to 800 ms',
    subscriptions: [{ event_type: 'table.*', filters: { names: ['warehouse.*'] } }],
    wants: (told) => isBelow('table', told) && (told.entity?.name ?? '').startsWith('warehouse.'),
    format: 'cloudevents',
    answer: within(300, 800),
  },
  {
    ...usual,
    label: 'billing',
    note: 'the domain Billing; CloudEvents, binary',
    subscriptions: [{ event_type: '*', filters: { domains: ['Billing'] } }],
    wants: ({ entity }) => entity?.domain === 'Billing',
    format: 'cloudevents-binary',
    answer: within(2, 30),
  },
  {
    ...usual,
    label: 'lineage graph',
    note: 'flaky: 500, 503 and silence until 08:00',
    subscriptions: [{ event_type: 'build.*' }, { event_type: 'table.*' }],
    wants: (told) => isBelow('build', told) || isBelow('table', told),
    retry: exponential(50, 0.3, 2),
    timeoutMs: 1_000,
    answer: flaky,
  },
  {
    ...usual,
    label: 'archive',
    note: 'gone all day; mended in the evening',
    subscriptions: [{ event_type: 'dashboard.*' }, { event_type: 'table.deleted' }],
    wants: (told) => isBelow('dashboard', told) || told.type === 'table.deleted',
    retry: { strategy: 'schedule', delays_seconds: [0.3, 0.6], jitter: 0.2, honour_retry_after: true },
    answer: (situation) => (situation.mended ? within(5, 20)(situation) : { status: 404, afterMs: 2 }),
  },
]

function flaky({ at, random }: Situation): Answer {
  if (at >= upAgainAt) return { status: 204, afterMs: random.between(2, 15) }
  const luck = random.next()
  if (luck < 0.4) return { status: 500, afterMs: 5 }
  return luck < 0.8 ? { status: 503, headers: { 'retry-after': '1' }, afterMs: 5 } : 'hang'
}
