import type { SourceAdapter } from '../../services/ingest/source.ts'
import type { Entity } from '../../shared/contracts/event.ts'
import { createSecret } from '../../shared/id.ts'
import { loadRegistry } from '../../shared/registry.ts'
import type { Scheme } from '../../shared/signing/scheme.ts'
import type { DayEvent } from './day.ts'

/** An event as it must turn up in the log, whatever words it was told in. */
export type Told = { type: string; source: string; entity: Entity | undefined }

/** One request, and what it tells of; left out where that is for the adapter to say. */
export type Telling = { headers: Record<string, string>; body: string; told?: Omit<Told, 'source'>[] }

/** One way in which a system reports: how often it does, and how many events it puts into one request. */
type Form = { weight: number; size: [least: number, most: number]; tell(events: DayEvent[]): Telling }

/** How a source is registered for a voice where its adapter's own way is not meant. */
export type Setup = {
  adapter: string
  scheme: string
  scheme_params: Record<string, unknown>
  settings: Record<string, unknown>
  /** The path that it insists on, for a source of this name. */
  path(source: string): string
}

/**
 * A voice tells of the day in the words of one source adapter, whose name it has unless its `setup` says another. One file
 * in `voices/` each; an adapter that has none is played by its own samples.
 */
export type Voice = {
  name: string
  setup?: Setup
  /** Where it posts: everybody's `POST /events`, or a source registered for it, with the adapter's scheme. */
  door: 'events' | 'source'
  forms: Form[]
}

export type Voices = { voices: Voice[]; adapters: SourceAdapter[] }

/**
 * Every adapter that can be played, and the voices there are for them. Those that sign the URL only where the Tidings is
 * our own: such a signature holds at the address by which a catalog knows Tidings, and of another nobody has told us that.
 */
export async function loadVoices(own: boolean): Promise<Voices> {
  const adapters = await loadRegistry<SourceAdapter>('source adapter', new URL('../../services/ingest/sources/', import.meta.url))
  const voices = await loadRegistry<Voice>('voice', new URL('./voices/', import.meta.url))
  const schemes = await loadSchemes()
  const playable = ({ scheme }: SourceAdapter) => scheme === null || own || signsBodyAlone(schemes.get(scheme))
  return { voices: voices.all(), adapters: adapters.all().filter(playable) }
}

export const loadSchemes = () => loadRegistry<Scheme>('scheme', new URL('../../shared/signing/schemes/', import.meta.url))

function signsBodyAlone(scheme: Scheme): boolean {
  try {
    scheme.sign({ id: 'try', now: Date.now(), body: new Uint8Array(), secrets: [createSecret()] })
    return true
  } catch {
    // a scheme says by throwing that something is missing
    return false
  }
}

export const toldOf = ({ type, entity }: DayEvent): Omit<Told, 'source'> => ({ type, entity })
export const json = { 'content-type': 'application/json' }

/** The last word of a type: `created`, `failed`. */
export const actionOf = ({ type }: DayEvent): string => type.slice(type.lastIndexOf('.') + 1)

type Reader = Pick<SourceAdapter, 'parse' | 'samples' | 'settings'>
const limits = { eventBytes: 262_144, eventsPerRequest: 1_000, depth: 64 }

export const readBy = (adapter: Reader, { headers, body }: Telling, settings: Record<string, unknown> = {}) =>
  adapter.parse({ headers, body: Buffer.from(body) }, limits, adapter.settings?.parse(settings))

/** An adapter's samples, each id once: an event never changes. What needs a source set up in its own way is for a voice. */
export function tellSamples(adapter: Reader): Telling[] {
  const seen = new Set<string>()
  return adapter.samples
    .filter((sample) => !('settings' in sample))
    .filter((sample) => {
      const ids = readBy(adapter, sample).flatMap(({ sourceEventId }) => sourceEventId ?? [])
      const isNew = ids.every((id) => !seen.has(id))
      for (const id of ids) seen.add(id)
      return isNew
    })
}
