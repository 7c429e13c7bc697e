import type { SourceAdapter } from '../../services/ingest/source.ts'
import { hourMs, type DayEvent } from './day.ts'
import type { Random } from './random.ts'
import { readBy, tellSamples, type Telling, type Told, type Voices } from './voice.ts'

/** A request of the day, to be made when its time comes. Signed only then: a signature holds the true time. */
export type Post = {
  at: number
  path: string
  headers: Record<string, string>
  body: string
  told: Told[]
  /** Whose words these are. */
  adapter: string
  /** Name of the registered source that signs it; none for `POST /events`. */
  source: string | undefined
  /** Sent a second time, as by a catalog that did not hear the answer. */
  again: boolean
}

/** A catalog to be registered, so that it can post in its own words. */
export type SourcePlan = { name: string; adapter: string; scheme: string | null }

const ownSource = 'api'
const shareSentAgain = 0.04

type Teller = { adapter: SourceAdapter; source: string | undefined }

/** Who tells of what, how, and in how many requests. */
export function planPosts(
  day: DayEvent[],
  { voices, adapters }: Voices,
  run: string,
  random: Random,
): { posts: Post[]; sources: SourcePlan[] } {
  const sourceOf = ({ name }: SourceAdapter) => `${run}-${name}`
  const tellers = adapters.flatMap((adapter) => {
    const voice = voices.find(({ name }) => name === adapter.name)
    return (voice?.forms ?? []).map((form) => ({ ...form, adapter, source: voice?.door === 'source' ? sourceOf(adapter) : undefined }))
  })
  const posts: Post[] = []
  for (let next = 0; next < day.length; ) {
    const teller = random.weighted(tellers)
    const events = day.slice(next, next + random.between(...teller.size))
    next += events.length
    posts.push(post(events.at(-1)?.at ?? 0, teller, teller.tell(events), random))
  }
  for (const adapter of adapters.filter(({ name }) => !voices.some((voice) => voice.name === name))) {
    // somewhere in the working day
    const at = () => random.between(8 * hourMs, 18 * hourMs)
    posts.push(...tellSamples(adapter).map((telling) => post(at(), { adapter, source: sourceOf(adapter) }, telling, random)))
  }
  const registered = adapters.filter((adapter) => posts.some(({ source }) => source === sourceOf(adapter)))
  return {
    posts: posts.sort((a, b) => a.at - b.at),
    sources: registered.map((adapter) => ({ name: sourceOf(adapter), adapter: adapter.name, scheme: adapter.scheme })),
  }
}

function post(at: number, { adapter, source }: Teller, telling: Telling, random: Random): Post {
  const told = telling.told ?? readBy(adapter, telling)
  return {
    at,
    path: source ? `/sources/${source}/events` : '/events',
    headers: telling.headers,
    body: telling.body,
    told: told.map(({ type, entity }) => ({ type, entity, source: source ?? ownSource })),
    adapter: adapter.name,
    source,
    again: random.next() < shareSentAgain,
  }
}
