import type { z } from 'zod'
import type { ReplayInput, Replay as WireReplay } from '../../shared/contracts/api/replay.ts'
import { createId, deliveryId } from '../../shared/id.ts'
import { laneOf } from '../../shared/lane.ts'
import { createMatcher, type Matcher } from '../../shared/matcher.ts'
import { invalid } from '../../shared/problem.ts'
import { jobIdOf, jobOf } from '../../shared/queue.ts'
import type { NewDelivery, OpenDelivery, Replay, ReplayEvent, Webhook } from '../../shared/storage/storage.ts'
import { lanesIn, openLanes } from '../../shared/transport.ts'
import type { StatusDeps } from './deps.ts'
import { iso } from './shape.ts'
import { find, inactive } from './webhooks.ts'

/** Events looked at in one go: other reads get their turn in between. */
const piece = 500
/** And so many times at most in one step: where nothing matches, no rate of deliveries would end it. */
const pieces = 2

export type ReplayDeps = Pick<StatusDeps, 'storage' | 'queue' | 'clock' | 'log' | 'settings' | 'redis' | 'shards'>

export async function createReplay(
  organizationId: string,
  webhookId: string,
  input: z.infer<typeof ReplayInput>,
  { storage, clock }: Pick<StatusDeps, 'storage' | 'clock'>,
): Promise<Replay> {
  const webhook = await find(organizationId, webhookId, { storage })
  if (!webhook.active) throw inactive('this webhook')
  const now = clock.now()
  const range = { since: Date.parse(input.since), until: Math.min(now, input.until === undefined ? now : Date.parse(input.until)) }
  if (range.since >= range.until) throw invalid([{ path: ['since'], message: 'must lie before `until`, and before now' }])
  const wanted = { ...range, organizationId, filter: input.filter ?? null }
  const events = await storage.replays.count(wanted)
  return storage.replays.create({ ...wanted, id: createId(), webhookId, events }, now)
}

/**
 * Looks at the next events of a replay and makes at most so many deliveries. Rows come first: should the process die before their
 * jobs are added, the reconciler finds open deliveries without a job. Resolves with how many were made.
 */
export async function advanceReplay(replay: Replay, most: number, deps: ReplayDeps): Promise<number> {
  const { storage, clock } = deps
  const { id, organizationId, webhookId } = replay
  const webhook = await storage.webhooks.find(organizationId, webhookId)
  if (!webhook?.active) {
    await storage.replays.stop(organizationId, id, clock.now(), `the webhook is ${webhook ? 'not active' : 'removed'}`)
    return 0
  }
  const matcher = createMatcher(0, (await storage.subscriptions.list(organizationId, webhookId)) ?? [])
  let made = 0
  for (let i = 0; i < pieces && made < most; i++) {
    const events = await storage.replays.next(id, piece)
    const { deliveries, looked } = choose(events, most - made, webhook, matcher)
    const isLast = events.length < piece && looked === events.length
    const step = { deliveries, examined: looked, last: isLast ? undefined : events[looked - 1] }
    const open = await storage.replays.advance(id, step, clock.now())
    await queueUp(open, deps)
    made += open.length
    if (isLast) break
  }
  return made
}

/** An event that is not fanned out yet is matched by the relay, and one that was sent to somebody was sent to nobody else. */
function choose(events: ReplayEvent[], most: number, webhook: Webhook, matcher: Matcher): { deliveries: NewDelivery[]; looked: number } {
  const deliveries: NewDelivery[] = []
  let looked = 0
  for (const event of events) {
    if (deliveries.length === most) break
    looked++
    if (event.delivered || event.fannedOutAt === null || event.envelope.to) continue
    const subscriptionIds = matcher.match(event.envelope).get(webhook.id)
    if (subscriptionIds) deliveries.push(deliveryOf(event, webhook, subscriptionIds))
  }
  return { deliveries, looked }
}

function deliveryOf({ envelope, receivedAt }: ReplayEvent, { id: webhookId, order }: Webhook, subscriptionIds: string[]): NewDelivery {
  const { id: eventId, organizationId, type: eventType } = envelope
  const id = deliveryId(eventId, webhookId)
  const lane = laneOf(envelope, webhookId, order)
  return { id, organizationId, eventId, webhookId, eventType, subscriptionIds, acceptedAt: receivedAt, batchId: null, lane, cause: null }
}

async function queueUp(open: OpenDelivery[], { queue, clock, redis, shards }: ReplayDeps): Promise<void> {
  const lined = open.flatMap((one) => (one.lane === null ? [] : { ...one, lane: one.lane, jobId: jobIdOf(one) }))
  await lanesIn(shards.map(({ prefix }) => openLanes(redis, prefix))).enter(lined)
  await queue.add(open.map((one) => jobOf(one, clock.now(), 'bulk')))
}

export const replayOf = (replay: Replay): WireReplay => ({
  id: replay.id,
  webhook_id: replay.webhookId,
  since: iso(replay.since),
  until: iso(replay.until),
  filter: replay.filter,
  status: replay.state,
  reason: replay.reason,
  events: replay.events,
  examined: replay.examined,
  deliveries: replay.deliveries,
  created_at: iso(replay.createdAt),
  updated_at: iso(replay.updatedAt),
})
