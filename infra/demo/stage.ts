import type { Api } from './api.ts'
import { dayMs, playDay } from './day.ts'
import { countFailed, redeliver, settle, type Mended } from './evening.ts'
import { wantedBy } from './ledger.ts'
import { viewOf, watchLog } from './live.ts'
import { countAccepted, nothingPlayed, play, type Played } from './play.ts'
import { planPosts, type Post, type SourcePlan } from './posts.ts'
import { showProgress } from './progress.ts'
import { createRandom } from './random.ts'
import { startReceiver, type Receiver } from './receiver.ts'
import { receiverPlans } from './receivers.ts'
import type { Registered } from './register.ts'
import { loadSchemes, loadVoices, type Told } from './voice.ts'

export type Stream = { write(text: string): unknown; isTTY?: boolean; columns?: number }

/** What the receivers know: what time it is in the played day, and whether the archive has been mended. */
export type Time = { at: number; mended: boolean }

/** 600 events in 18 s: fast enough to wait for, slow enough to watch. */
const realMs = (events: number): number => Math.min(30_000, Math.max(6_000, events * 30))
const brokenAllDay = 'archive'

export type Plan = { posts: Post[]; sources: SourcePlan[]; lengthMs: number }

/** Everything that will happen, decided before anything does. */
export async function planDay(events: number, seed: number, run: string, own: boolean): Promise<Plan> {
  const random = createRandom(seed)
  return { ...planPosts(playDay(events, run, random), await loadVoices(own), run, random), lengthMs: realMs(events) }
}

export async function startReceivers(time: Time, seed: number): Promise<Receiver[]> {
  const random = createRandom(seed)
  return Promise.all(receiverPlans.map((plan) => startReceiver(plan, () => ({ ...time, random }))))
}

type Scene = Plan & { api: Api; receivers: Receiver[]; registered: Registered; time: Time; signal: AbortSignal; stream: Stream }
export type Performed = { played: Played; failed: Record<string, number>; mended: Mended | undefined }

/** The day itself, then what is left to do in the evening, with everything shown while it happens. */
export async function perform(scene: Scene): Promise<Performed> {
  const { api, receivers, registered, posts, time, signal } = scene
  const wanted = (told: Told[]) => told.flatMap((one) => wantedBy(one, receivers))
  const planned = wanted(posts.flatMap(({ told }) => told))
  const plannedFor = Object.fromEntries(receivers.map(({ plan: { label } }) => [label, planned.filter((one) => one === label).length]))

  const played = nothingPlayed()
  let title = 'the day'
  const log = watchLog(api, registered)
  const progress = showProgress(scene.stream, () => ({
    title,
    at: time.at,
    events: posts.reduce((sum, { told }) => sum + told.length, 0),
    accepted: countAccepted(played),
    receivers: receivers.map((receiver) => viewOf(receiver, plannedFor[receiver.plan.label] ?? 0, log.of(receiver.plan.label))),
  }))
  try {
    await passTheDay(scene, played)
    title = 'settling'
    const expected = wanted([...played.accepted.map(({ told }) => told), ...played.unnamed]).length
    await settle(api, registered, expected, signal)
    const failed = await countFailed(api, registered)
    title = 'redelivering'
    time.mended = true
    const mended = await redeliver(api, registered, brokenAllDay, signal)
    await settle(api, registered, expected, signal)
    return { played, failed, mended }
  } finally {
    progress.stop()
    await log.stop()
  }
}

async function passTheDay({ posts, lengthMs, time, api, registered, signal }: Scene, played: Played): Promise<void> {
  const schemes = await loadSchemes()
  const startedAt = Date.now()
  const at = () => Math.min(dayMs, ((Date.now() - startedAt) / lengthMs) * dayMs)
  const clock = setInterval(() => (time.at = at()), 20)
  try {
    await play(posts, played, { api, sources: registered.sources, schemes, at, lengthMs, signal })
  } finally {
    clearInterval(clock)
    // whatever is still tried now comes after the end of the day
    time.at = dayMs
  }
}
