import type { SourceAdapter } from '../../services/ingest/source.ts'
import { hourMs, type DayEvent } from './day.ts'
import type { Random } from './random.ts'
import { tellSamples, type Telling, type Told, type Voices } from './voice.ts'

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

/** Who tells of what, how, and in how many requests. */
export function planPosts(
  day: DayEvent[],
  { voices, adapters }: Voices,
  run: string,
  random: Random,
): { posts: Post[]; sources: SourcePlan[] } {
  const sourceOf = (adapter: string) => `${run}-${adapter}`
  const forms = voices.flatMap((voice) =>
    voice.forms.map((form) => ({ ...form, adapter: voice.name, source: voice.door === 'source' ? sourceOf(voice.name) : undefined })),
  )
  const posts: Post[] = []
  for (let next = 0; next < day.length; ) {
    const form = random.weighted(forms)
    const events = day.slice(next, next + random.between(...form.size))
    next += events.length
    posts.push(post(events.at(-1)?.at ?? 0, form, form.tell(events), random))
  }
  const silent = adapters.filter(({ name }) => !voices.some((voice) => voice.name === name))
  for (const adapter of silent) posts.push(...samplePosts(adapter, sourceOf(adapter.name), random))
  const registered = adapters.filter(({ name }) => posts.some(({ source }) => source === sourceOf(name)))
  return {
    posts: posts.sort((a, b) => a.at - b.at),
    sources: registered.map(({ name, scheme }) => ({ name: sourceOf(name), adapter: name, scheme })),
  }
}

function post(at: number, { adapter, source }: Pick<Post, 'adapter' | 'source'>, { headers, body, told }: Telling, random: Random): Post {
  return {
    at,
    path: source ? `/sources/${source}/events` : '/events',
    headers,
    body,
    told: told.map((one) => ({ ...one, source: source ?? ownSource })),
    adapter,
    source,
    again: random.next() < shareSentAgain,
  }
}

/** Somewhere in the working day. */
const samplePosts = (adapter: SourceAdapter, source: string, random: Random): Post[] =>
  tellSamples(adapter).map((telling) => post(random.between(8 * hourMs, 18 * hourMs), { adapter: adapter.name, source }, telling, random))
