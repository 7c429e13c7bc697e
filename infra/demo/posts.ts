import type { SourceAdapter } from '../../services/ingest/source.ts'
import { hourMs, type DayEvent } from './day.ts'
import type { Random } from './random.ts'
import { readBy, tellSamples, type Setup, type Telling, type Told, type Voice, type Voices } from './voice.ts'

/** A request of the day, to be made when its time comes. Signed only then: a signature holds the true time. */
export type Post = {
  at: number
  path: string
  headers: Record<string, string>
  body: string
  told: Told[]
  /** Whose words these are: a voice, or an adapter that has none. */
  voice: string
  /** Name of the registered source that signs it; none for `POST /events`. */
  source: string | undefined
  /** Sent a second time, as by a catalog that did not hear the answer. */
  again: boolean
}

/** A catalog to be registered, so that it can post in its own words. */
export type SourcePlan = { name: string; adapter: string; scheme: string | null } & Partial<Pick<Setup, 'scheme_params' | 'settings'>>

const ownSource = 'api'
const shareSentAgain = 0.04

/** Who tells: in whose words, to which source, by which path. */
type Teller = { voice: string; adapter: SourceAdapter; source: SourcePlan | undefined; path: string }
type Planned = { posts: Post[]; sources: SourcePlan[] }

/** Who tells of what, how, and in how many requests. */
export function planPosts(day: DayEvent[], { voices, adapters }: Voices, run: string, random: Random): Planned {
  const posts: Post[] = []
  const sources = new Map<string, SourcePlan>()
  const add = (at: number, teller: Teller, telling: Telling) => {
    if (teller.source) sources.set(teller.source.name, teller.source)
    posts.push(post(at, teller, telling, random))
  }
  const forms = voices.flatMap((voice) => {
    const teller = tellerOf(voice, adapters, run)
    return teller ? voice.forms.map((form) => ({ ...form, teller })) : []
  })
  for (let next = 0; next < day.length; ) {
    const { teller, size, tell } = random.weighted(forms)
    const events = day.slice(next, next + random.between(...size))
    next += events.length
    add(events.at(-1)?.at ?? 0, teller, tell(events))
  }
  for (const adapter of adapters.filter(({ name }) => !voices.some((voice) => voice.name === name))) {
    const teller = asSource(adapter.name, adapter, undefined, run)
    // somewhere in the working day
    for (const telling of tellSamples(adapter)) add(random.between(8 * hourMs, 18 * hourMs), teller, telling)
  }
  return { posts: posts.sort((a, b) => a.at - b.at), sources: [...sources.values()] }
}

/** None where the adapter cannot be played here. */
function tellerOf({ name, door, setup }: Voice, adapters: SourceAdapter[], run: string): Teller | undefined {
  const adapter = adapters.find((one) => one.name === (setup?.adapter ?? name))
  if (!adapter) return undefined
  return door === 'events' ? { voice: name, adapter, source: undefined, path: '/events' } : asSource(name, adapter, setup, run)
}

function asSource(voice: string, adapter: SourceAdapter, setup: Setup | undefined, run: string): Teller {
  const name = `${run}-${voice}`
  const { path = (source: string) => `/sources/${source}/events`, ...own } = setup ?? {}
  return { voice, adapter, source: { name, adapter: adapter.name, scheme: adapter.scheme, ...own }, path: path(name) }
}

function post(at: number, { voice, adapter, source, path }: Teller, telling: Telling, random: Random): Post {
  const told = telling.told ?? readBy(adapter, telling, source?.settings)
  return {
    at,
    path,
    headers: telling.headers,
    body: telling.body,
    told: told.map(({ type, entity }) => ({ type, entity, source: source?.name ?? ownSource })),
    voice,
    source: source?.name,
    again: random.next() < shareSentAgain,
  }
}
